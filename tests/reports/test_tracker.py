"""What of a report reaches Weights & Biases, read from the files of a real offline run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graft.data.table import Kind
from graft.reports.contents import Predicted
from graft.reports.tracker import tables


@pytest.fixture
def logged(graft, tmp_path):
    """Trains with the tracker on; returns what it kept under `report/`, and reads a table of it."""

    def train(*words):
        folder = tmp_path / "run"
        assert graft("train", *words, "trainer.max_epochs=1", f"hydra.run.dir={folder}") == 0
        (kept,) = folder.glob("wandb/offline-run-*/*.wandb")
        command = [Path(sys.executable).with_name("wandb"), "leet", "inspect", "--json", kept]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        values = {}
        for record in map(json.loads, lines):
            values |= record["history"]["item"] if record["type"] == "history" else {}

        def rows(title):
            kept_in = kept.parent / "files" / values[f"report/{title}.path"]
            table = json.loads(kept_in.read_text())
            return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]

        return (
            folder,
            {key.removeprefix("report/").partition(".")[0] for key in values if key.startswith("report/")},
            rows,
        )

    return train


def test_pictures_and_tables_of_an_image_run_are_sent(logged, tiny_words, flowers, read):
    words = [word for word in tiny_words if not word.startswith("logger")]
    folder, titles, rows = logged(*words, f"datamodule.root={flowers}", "augmentation=flips", "report=true")
    pictures = {"Learning curves: loss", "ROC curves", "Precision and recall", "Reliability", "Augmentation"}
    assert pictures | {"Scores", "By class", "Samples", "The data", "What learns", "Worst errors"} <= titles
    summary, scores = read(folder, "summary.json"), read(folder, "scores.json")
    for row in rows("Scores"):
        assert row["value"] == pytest.approx(summary[row["metric"]])
        if row["metric"] != "test/loss":
            low, high = scores["intervals"][row["metric"].removeprefix("test/")]
            assert (row["95 % from"], row["95 % to"]) == pytest.approx((low, high))
    assert rows("What learns") == read(folder, "stages.json")
    assert rows("Samples")[0] == {"of": "all", **read(folder, "data.json")["samples"]}
    assert {"what": "longer side of the images, median (px)", "value": 48} in rows("The data")
    confusion = rows("Confusion_table")
    assert len(confusion) == 4
    assert sum(row["nPredictions"] for row in confusion) == 16


def test_values_have_no_classes_to_count_or_to_confuse(contents):
    values = Predicted(np.zeros((3, 1)), np.ones((3, 1)))
    data = {"samples": {"train": 9, "val": 3}, "counts": {"train": {}, "val": {}}, "skipped": [{"id": "a"}]}
    made = tables(contents(["price"], [0], [0], kind=Kind.REGRESSION, predictions={"test": values}, data=data))
    assert made["Samples"] == [{"of": "all", "train": 9, "val": 3}]
    assert made["The data"] == [{"what": "unreadable, left out", "value": 1}]
    assert "By class" not in made


def test_texts_that_were_cut_are_counted(contents):
    lengths = {"unit": "tokens", "min": 3, "median": 9, "p95": 12, "max": 62, "most": 32, "cut": 1}
    made = tables(contents("ab", [0], [0], data={"samples": {}, "counts": {}, "lengths": lengths}))
    assert made["The data"][-1] == {"what": "texts longer than 32 tokens, cut", "value": 1}


def test_a_run_that_failed_early_has_tables_without_rows(contents):
    made = tables(contents("ab", [0], [0], predictions={}))
    assert not any(made.values())
