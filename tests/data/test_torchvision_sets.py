import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from graft.data import Torchvision
from graft.errors import ConfigError, GraftError


def idx(array: np.ndarray) -> bytes:
    """The format of the MNIST files: http://yann.lecun.com/exdb/mnist."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(side).to_bytes(4, "big") for side in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """40 training and 10 test images in the files of MNIST; the label is the value of every pixel."""
    folder = tmp_path / "sets" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 40), ("t10k", 10)):
        labels = np.arange(count) % 2
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(np.tile(labels[:, None, None], (1, 28, 28))))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(b""))
    return tmp_path / "sets"


def make(settings: dict[str, Any], dataset: str, root: Path, **options: Any) -> Torchvision:
    return Torchvision(dataset=dataset, root=root, download=False, options=options, **settings)


def test_the_test_split_of_the_set_is_kept_and_validation_is_taken_from_its_training(
    settings: dict[str, Any], mnist: Path
):
    datamodule = make(settings, "MNIST", mnist)
    datamodule.setup()
    assert {split: len(rows) for split, rows in datamodule.splits.items()} == {"train": 34, "val": 6, "test": 10}
    assert [datamodule.table.ids[row] for row in datamodule.splits["test"]] == [f"test/{row}" for row in range(10)]
    assert datamodule.classes == ["0 - zero", "1 - one"]
    sample = datamodule.dataset("test", train=False)[3]
    assert sample["inputs"].shape == (3, 28, 28)
    assert sample["inputs"].unique().tolist() == [int(sample["target"])] == [1]
    assert datamodule.table.sizes is not None
    assert datamodule.table.sizes[0].tolist() == [28, 28]


def test_one_part_by_an_option_is_split_by_shares(settings: dict[str, Any], mnist: Path):
    datamodule = make(settings, "MNIST", mnist, train=True)
    datamodule.setup()
    assert sum(len(rows) for rows in datamodule.splits.values()) == 40
    assert len(datamodule.splits["test"]) == 10


def test_a_set_without_files_or_splits(settings: dict[str, Any]):
    datamodule = make(settings, "FakeData", Path(), size=40, image_size=(3, 9, 8), num_classes=2)
    datamodule.setup()
    assert torch.unique(torch.from_numpy(datamodule.table.targets)).tolist() == [0, 1]
    assert datamodule.table.load(0).shape == (3, 9, 8)


def test_mistakes_are_told(settings: dict[str, Any], tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no set of torchvision.* Did you mean 'CIFAR10'"):
        make(settings, "CIFAR01", tmp_path)
    with pytest.raises(ConfigError, match=r"options\.trian: MNIST takes no such argument.* 'train'"):
        make(settings, "MNIST", tmp_path, trian=True)
    with pytest.raises(GraftError, match=r"(?s)MNIST cannot be read from .*datamodule\.download=true"):
        make(settings, "MNIST", tmp_path).setup()
