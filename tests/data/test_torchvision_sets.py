import gzip
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from graft.data import Torchvision, torchvision_sets
from graft.data.table import Kind
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


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """40 images of `trainval` and 20 of `test`, in the files of OxfordIIITPet: it has no split `train`."""
    folder = tmp_path / "sets" / "oxford-iiit-pet"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    for part, count in (("trainval", 40), ("test", 20)):
        names = [f"{('Abyssinian', 'pug')[row % 2]}_{part}{row}" for row in range(count)]
        lines = [f"{name} {1 + row % 2} {1 + row % 2} 1" for row, name in enumerate(names)]
        (folder / "annotations" / f"{part}.txt").write_text("\n".join(lines))
        for name in names:
            Image.new("RGB", (4, 4)).save(folder / "images" / f"{name}.jpg")
    return tmp_path / "sets"


def test_a_set_whose_training_split_has_another_name_never_learns_from_its_test(settings: dict[str, Any], pets: Path):
    datamodule = make(settings, "OxfordIIITPet", pets)
    datamodule.setup()
    learnt = [*datamodule.sample_ids("train"), *datamodule.sample_ids("val")]
    assert sorted(learnt) == sorted(f"train/{row}" for row in range(40))
    assert datamodule.sample_ids("test") == [f"test/{row}" for row in range(20)]


def test_a_set_without_a_split_to_learn_from_is_refused(settings: dict[str, Any], pets: Path, monkeypatch):
    monkeypatch.setitem(torchvision_sets._SPLITS, "train", ("train",))
    with pytest.raises(ConfigError, match=r"OxfordIIITPet has none of the splits train .*datamodule\.options\.split=…"):
        make(settings, "OxfordIIITPet", pets).setup()


def test_a_set_that_takes_a_split_and_a_part_keeps_its_test(settings: dict[str, Any], tmp_path: Path):
    folder = tmp_path / "sets" / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 40), ("test", 10)):
        labels = np.arange(count) % 2
        images = np.tile(labels[:, None, None], (1, 28, 28))
        (folder / f"emnist-balanced-{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"emnist-balanced-{part}-labels-idx1-ubyte").write_bytes(idx(labels))
    datamodule = make(settings, "EMNIST", tmp_path / "sets", split="balanced")
    datamodule.setup()
    assert {split: len(rows) for split, rows in datamodule.splits.items()} == {"train": 34, "val": 6, "test": 10}
    with pytest.raises(ConfigError, match=r"EMNIST must be told more: datamodule\.options\.split=…"):
        make(settings, "EMNIST", tmp_path / "sets")
    with pytest.raises(ConfigError, match=r"cannot be made with split=balance, train=True: Unknown value 'balance'"):
        make(settings, "EMNIST", tmp_path / "sets", split="balance").setup()


def test_a_set_of_several_labels(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "sets" / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    names = [f"{row:06}.jpg" for row in range(60)]
    for name in names:
        Image.new("RGB", (4, 4)).save(folder / "img_align_celeba" / name)
    files = {
        "list_eval_partition.txt": ["0", "1", "2"],
        "identity_CelebA.txt": ["7"],
        "list_bbox_celeba.txt": ["0 0 4 4"],
        "list_landmarks_align_celeba.txt": ["0 0"],
        "list_attr_celeba.txt": ["1 -1", "1 1", "-1 -1", "-1 1"],
    }
    for file, values in files.items():
        head = ["60", "Bald Young"] if file.startswith("list") and "partition" not in file else []
        lines = [f"{name} {values[row % len(values)]}" for row, name in enumerate(names)]
        (folder / file).write_text("\n".join([*head, *lines]) + "\n")
    monkeypatch.setattr("torchvision.datasets.CelebA._check_integrity", lambda self: True)
    datamodule = make({**settings, "kind": Kind.MULTI_LABEL}, "CelebA", tmp_path / "sets")
    datamodule.setup()
    assert datamodule.classes == ["Bald", "Young"]
    assert datamodule.table.targets[:3].tolist() == [[1, 0], [0, 1], [0, 0]]
    assert {split: len(rows) for split, rows in datamodule.splits.items()} == {"train": 20, "val": 20, "test": 20}


def test_sets_of_another_kind_are_told_without_a_traceback(settings: dict[str, Any], mnist: Path, monkeypatch):
    with pytest.raises(ConfigError, match="Did you mean 'CIFAR10'"):
        make(settings, "Cifar10", mnist)
    with pytest.raises(ConfigError, match=r"CocoDetection must be told more: datamodule\.options\.annFile=…"):
        make(settings, "CocoDetection", mnist)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(GraftError, match=r"LSUN needs a package that is not here: .*lmdb"):
        make(settings, "LSUN", mnist).setup()
    with pytest.raises(GraftError, match=r"MNIST is no set of labels \(task=multilabel\): a target is 0"):
        make({**settings, "kind": Kind.MULTI_LABEL}, "MNIST", mnist).setup()
