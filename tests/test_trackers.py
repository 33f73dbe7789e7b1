"""What trackers keep of a run: read from what a sweep's trial, which was gone on with, has left."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from pytorch_lightning.loggers import TensorBoardLogger

from graft.cli import main

PHASES = ["strategy=gradual_unfreezing", "strategy.k=4", "trainer.max_epochs=3"]  # head, half of the blocks, all
WATCHING = [
    "report=false",
    "logger=[wandb,trackio,tensorboard]",
    "logger.wandb.watch=gradients",
    "logger.wandb.watch_every=5",
]


def inspected(run):
    """The records of an offline run, by W&B's own reading."""
    command = [Path(sys.executable).with_name("wandb"), "leet", "inspect", "--json", run]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def night(tiny_task, tmp_path_factory):
    """The folder of a trial that was trained for three epochs and then for another, while one tracker was broken."""
    root = tmp_path_factory.mktemp("night")
    trial = root / "nightly" / "0"
    tiny = [word for word in tiny_task if word != "logger.wandb=null"]
    begin = ["-m", *tiny, *PHASES, *WATCHING, "logger.wandb.checkpoint=true", "+logger.wandb.tags.pilot=true"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_ROOT", str(root))
        patch.setenv("WANDB_MODE", "offline")
        patch.setattr(TensorBoardLogger, "log_metrics", lambda *_, **__: 1 / 0)
        patch.chdir(root)
        for line in (
            [*begin, f"hydra.sweep.dir={root}/nightly", f"cache.folder={root}/features"],
            [f"resume={trial}", "trainer.max_epochs=4"],
        ):
            patch.setattr(sys, "argv", ["graft", "train", *line])
            assert main() == 0
    return trial


@pytest.fixture(scope="module")
def sessions(night):
    """The records of both sessions at Weights & Biases."""
    return [inspected(path) for path in sorted(night.glob("wandb/offline-run-*"))]


def of(records, kind):
    return [record[kind] for record in records if record["type"] == kind]


def test_a_continuation_is_the_same_run_of_the_same_sweep(sessions):
    first, second = ([run] for records in sessions for run in of(records, "run"))
    for (run,) in (first, second):
        assert (run["run_group"], run["job_type"], run["tags"]) == ("nightly", "trial", ["pilot"])
        assert len(run["git"]["commit"]) == 40
    assert first[0]["run_id"] == second[0]["run_id"]


def test_the_configuration_has_the_names_of_the_command_line(sessions):
    for records, epochs in zip(sessions, (3, 4), strict=True):
        config = {key: value for record in of(records, "config") for key, value in record["update"].items()}
        assert (config["backbone"], config["backbone.model"]) == ("timm", "test_vit")
        assert (config["strategy"], config["strategy.phases.0.lr_decay"]) == ("gradual_unfreezing", 0.38461538)
        assert (config["optimizer.lr"], config["task/head"], config["trainer.max_epochs"]) == (0.001, "linear", epochs)
        assert not [key for key in config if key.startswith(("logger.", "paths.", "cache."))]
        assert not [key for key, value in config.items() if isinstance(value, dict) and not key.startswith("_wandb")]


def test_the_table_shows_the_best_of_what_is_monitored_and_of_the_losses(sessions):
    shown = {each["name"]: each["summary"] for each in of(sessions[0], "metric") if "summary" in each}
    assert shown == {
        "val/auroc": {"max": True, "last": True},
        "val/loss": {"min": True, "last": True},
        "train/loss": {"min": True, "last": True},
    }


def test_gradients_are_those_of_what_learns_in_each_phase(sessions):
    seen = {0: set(), 1: set(), 2: set()}
    for row in (record["item"] for record in of(sessions[0], "history")):
        keys = [key.removeprefix("gradients/") for key in row if key.startswith("gradients/")]
        if keys:
            seen[row["epoch"]] |= {"head" if key.startswith("head") else key.split(".")[3] for key in keys}
    blocks = set("012345")
    assert seen[0] == {"head"}
    assert seen[1] & (blocks | {"head"}) == {"head", *"2345"}
    assert blocks | {"head"} <= seen[2]


def test_the_artifact_of_the_best_checkpoint_stays_what_it_was_and_is_a_run_folder(
    night, sessions, flowers, tmp_path, graft
):
    """`wandb sync` may come after the run went on and has another best checkpoint."""
    (tmp_path / "better.ckpt").write_bytes(b"")
    (tmp_path / "better.ckpt").replace(night / "checkpoints" / "best.ckpt")  # as AtomicCheckpointIO does
    for number, records in enumerate(sessions):
        (artifact,) = [each for each in of(records, "artifact") if each["type"] == "model"]
        assert {"best", "image_folder_gradual_unfreezing"} <= set(artifact["aliases"])
        downloaded = tmp_path / str(number)
        for entry in artifact["manifest"]["contents"]:
            content = Path(entry["local_path"]).read_bytes()
            assert base64.b64encode(hashlib.md5(content).digest()).decode() == entry["digest"]
            (downloaded / entry["path"]).parent.mkdir(parents=True, exist_ok=True)
            (downloaded / entry["path"]).write_bytes(content)
        told, summary = json.loads(artifact["metadata"]), json.loads((downloaded / "summary.json").read_text())
        assert (told["monitor"], told["mode"], told["value"]) == ("val/auroc", "max", summary["val/auroc"])
        assert json.loads((downloaded / "status.json").read_text())["state"] == "done"
    assert graft("predict", f"run={downloaded}", f"inputs={flowers / 'rose'}", f"output={tmp_path / 'said.csv'}") == 0
    assert len((tmp_path / "said.csv").read_text().splitlines()) == 33


def test_a_broken_tracker_is_told_once_in_each_session(night):
    said = "TensorBoardLogger.log_metrics: the tracker failed, the training goes on: ZeroDivisionError"
    assert (night / "train.log").read_text().count(said) == 2


def test_links_lead_to_the_files_of_both_sessions(night):
    links = sorted((night.parents[1] / "logs" / "wandb").iterdir())
    assert [link.resolve() for link in links] == sorted(night.glob("wandb/offline-run-*"))


def test_trackio_has_one_run_with_the_steps_of_both_sessions(night):
    from trackio import Api
    from trackio.sqlite_storage import SQLiteStorage

    name = (night / "trackio").read_text()
    (run,) = [each for each in Api().runs("graft") if each.name == name]
    assert (run.config["_Group"], run.config["backbone"], run.config["trainer.max_epochs"]) == ("nightly", "timm", 4)
    rows = SQLiteStorage.get_logs("graft", name, run_id=run.id)
    assert [row["step"] for row in rows if "val/auroc" in row] == [4, 9, 14, 19]
    assert all(isinstance(row["val/auroc"], float) for row in rows if "val/auroc" in row)
