import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from graft.data import HuggingFace
from graft.data.images import decode_bytes
from graft.data.table import Kind
from graft.errors import ConfigError, GraftError

datasets = pytest.importorskip("datasets", reason="the extra huggingface")


def characters(train: bool) -> Callable[[str], torch.Tensor]:
    return lambda text: torch.tensor([len(text)])


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A set saved by its library: 40 training, 10 validation and 10 other pictures, grey, of two classes."""
    features = datasets.Features({"image": datasets.Image(), "kind": datasets.ClassLabel(names=["dark", "bright"])})

    def part(count: int) -> Any:
        images = [Image.fromarray(np.full((6, 5), 200 * (row % 2), dtype=np.uint8)) for row in range(count)]
        return datasets.Dataset.from_dict({"image": images, "kind": [row % 2 for row in range(count)]}, features)

    parts = {"train": part(40), "validation": part(10), "unsupervised": part(10)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "pictures"))
    return tmp_path / "pictures"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with a CSV file, which the library reads by itself."""
    folder = tmp_path / "texts"
    folder.mkdir()
    rows = [f"text {row},{'good' if row % 2 else 'bad'},{row / 10}" for row in range(60)]
    (folder / "train.csv").write_text("\n".join(["text,verdict,score", *rows]))
    return folder


def make(settings: dict[str, Any], dataset: Path, **changes: Any) -> HuggingFace:
    own = {"dataset": str(dataset), "config": None, "sample": None, "label": None}
    datamodule = HuggingFace(**(own | changes | settings))
    datamodule.setup()
    return datamodule


def test_pictures_with_their_own_splits(settings: dict[str, Any], pictures: Path):
    datamodule = make(settings, pictures)
    assert {split: len(rows) for split, rows in datamodule.splits.items()} == {"train": 30, "val": 10, "test": 10}
    assert datamodule.classes == ["bright", "dark"]
    assert {datamodule.table.ids[row].split("/")[0] for row in datamodule.splits["val"]} == {"validation"}
    sample = datamodule.dataset("val", train=False)[0]
    assert sample["inputs"].shape == (3, 6, 5)
    assert datamodule.classes[int(sample["target"])] == ("bright" if sample["inputs"].max() > 100 else "dark")


def test_what_is_stored_of_a_picture_is_its_own_file(settings: dict[str, Any], pictures: Path):
    table = make(settings, pictures).table
    saved = b"".join(path.read_bytes() for path in pictures.rglob("*.arrow"))  # the files' bytes lie in it
    stored = [table.load.encoded(row) for row in range(len(table.ids))]
    assert all(content in saved for content in stored)
    assert all(torch.equal(decode_bytes(content), table.load(row)) for row, content in enumerate(stored))


def test_texts_of_a_folder(settings: dict[str, Any], texts: Path):
    datamodule = make(settings | {"preprocess": characters}, texts, sample="text", label="verdict")
    assert datamodule.classes == ["bad", "good"]
    assert datamodule.table.load(3) == "text 3"
    assert datamodule.table.lengths is not None
    valued = make(settings | {"preprocess": characters, "kind": Kind.REGRESSION}, texts, sample="text", label="score")
    assert valued.table.targets[7].tolist() == pytest.approx([0.7])


def saved(folder: Path, parts: dict[str, dict[str, list[Any]]], **features: Any) -> Path:
    given = datasets.Features({"text": datasets.Value("string"), **features})
    datasets.DatasetDict({name: datasets.Dataset.from_dict(part, given) for name, part in parts.items()}).save_to_disk(
        str(folder)
    )
    return folder


def part(count: int, **columns: list[Any]) -> dict[str, list[Any]]:
    return {"text": [f"text {row}" for row in range(count)], "label": [row % 2 for row in range(count)]} | columns


VERDICT = {"label": datasets.ClassLabel(names=["bad", "good"])}


def test_a_split_with_hidden_labels_is_left_out(settings: dict[str, Any], tmp_path: Path, caplog):
    folder = saved(tmp_path / "set", {"train": part(60), "test": part(10, label=[-1] * 10)}, **VERDICT)
    with caplog.at_level(logging.WARNING):
        datamodule = make(settings | {"preprocess": characters}, folder, sample="text")
    assert "The split test is left out: it holds no labels" in caplog.text
    assert sum(map(len, datamodule.splits.values())) == 60
    assert all(name.startswith("train/") for name in datamodule.sample_ids("test"))


def test_samples_without_a_text_or_a_label_are_an_error_or_counted(settings: dict[str, Any], tmp_path: Path):
    train = part(60)
    train["text"][3], train["text"][5], train["label"][7] = None, " ", -1
    folder = saved(tmp_path / "set", {"train": train, "test": part(10)}, **VERDICT)
    given = settings | {"preprocess": characters}
    with pytest.raises(
        GraftError, match=r"3 of 70 samples[^$]*3: there is none\n.*5: the text is empty\n.*7: no value"
    ):
        make(given, folder, sample="text")
    datamodule = make(given | {"bad_files": "skip"}, folder, sample="text")
    assert [file.id for file in datamodule.skipped] == ["train/3", "train/5", "train/7"]
    assert datamodule.sample_ids("test") == [f"test/{row}" for row in range(10)]
    assert datamodule.table.load(datamodule.table.ids.index("train/9")) == "text 9"


def test_lists_of_classes_are_several_labels(settings: dict[str, Any], tmp_path: Path):
    tags = [[[0, 1], [1], []][row % 3] for row in range(60)]
    names = datasets.Sequence(datasets.ClassLabel(names=["red", "big"]))
    folder = saved(tmp_path / "set", {"train": part(60, label=tags)}, label=names)
    datamodule = make(settings | {"preprocess": characters, "kind": Kind.MULTI_LABEL}, folder, sample="text")
    assert datamodule.classes == ["big", "red"]
    assert datamodule.table.targets[:3].tolist() == [[1, 1], [1, 0], [0, 0]]


def test_groups_and_facets_of_a_set(settings: dict[str, Any], tmp_path: Path):
    columns = {
        "author": [f"a{row // 4}" for row in range(80)],
        "language": [["en", "de"][row // 40] for row in range(80)],
    }
    word = datasets.Value("string")
    folder = saved(tmp_path / "set", {"train": part(80, **columns)}, **VERDICT, author=word, language=word)
    given = settings | {"preprocess": characters}
    datamodule = make(given, folder, sample="text", group="author", facets=["language"])
    authors = [set(rows // 4) for rows in datamodule.splits.values()]
    assert not authors[0] & authors[1] | authors[0] & authors[2] | authors[1] & authors[2]
    assert datamodule.table.facets["language"][[0, 79]].tolist() == ["en", "de"]
    with pytest.raises(ConfigError, match=r"group=autor is no column of .* Did you mean 'author'"):
        make(given, folder, sample="text", group="autor")


def test_a_set_of_one_split_of_any_name_is_split_by_shares(settings: dict[str, Any], tmp_path: Path):
    folder = saved(tmp_path / "set", {"test": part(60)}, **VERDICT)
    datamodule = make(settings | {"preprocess": characters}, folder, sample="text")
    assert [len(datamodule.splits[split]) for split in ("train", "val", "test")] == [38, 7, 15]


def test_mistakes_are_told(settings: dict[str, Any], texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = settings | {"preprocess": characters}
    with pytest.raises(ConfigError, match=r"Which column is it\? datamodule\.sample=…, one of text, verdict"):
        make(given, texts)
    with pytest.raises(ConfigError, match=r"label=verdikt is no column of .* Did you mean 'verdict'"):
        make(given, texts, sample="text", label="verdikt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GraftError, match="empty cannot be loaded"):
        make(given, tmp_path / "empty")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(GraftError, match=r"pip install 'graft\[huggingface\]'"):
        make(given, texts)
