import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from graft.data import HuggingFace
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


def test_texts_of_a_folder(settings: dict[str, Any], texts: Path):
    datamodule = make(settings | {"preprocess": characters}, texts, sample="text", label="verdict")
    assert datamodule.classes == ["bad", "good"]
    assert datamodule.table.load(3) == "text 3"
    assert datamodule.table.lengths is not None
    valued = make(settings | {"preprocess": characters, "kind": Kind.REGRESSION}, texts, sample="text", label="score")
    assert valued.table.targets[7].tolist() == pytest.approx([0.7])


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
