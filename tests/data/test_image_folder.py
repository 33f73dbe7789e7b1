import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft.data import ImageFolder
from graft.errors import ConfigError, GraftError

MakeImages = Callable[..., Path]


@pytest.fixture
def make(settings: dict[str, Any]) -> Callable[..., ImageFolder]:
    def make(root: Path, group: str | None = None, **changes: Any) -> ImageFolder:
        split = settings["split"] | {"group": group}
        datamodule = ImageFolder(root=root, **(settings | {"split": split} | changes))
        datamodule.setup()
        return datamodule

    return make


def test_class_folders(make: Callable[..., ImageFolder], make_images: MakeImages):
    datamodule = make(make_images({"dog": 20, "cat": 40}))
    assert datamodule.classes == ["cat", "dog"]
    assert [[*datamodule.class_counts(split).values()] for split in ("train", "val", "test")] == [
        [25, 13],
        [5, 2],
        [10, 5],
    ]
    names = [name for split in datamodule.splits for name in datamodule.sample_ids(split)]
    assert sorted(names) == [f"{kind}/{n:03}.png" for kind, count in (("cat", 40), ("dog", 20)) for n in range(count)]
    batch = next(iter(datamodule.val_dataloader()))
    assert batch["inputs"].shape == (3, 3, 6, 5)
    for target, row in zip(batch["target"], batch["index"], strict=True):
        assert datamodule.table.ids[row].startswith(datamodule.classes[target])


def test_the_same_folder_elsewhere_has_the_same_splits(
    make: Callable[..., ImageFolder], make_images: MakeImages, tmp_path: Path
):
    root = make_images({"a": 20, "b": 20})
    shutil.copytree(root, tmp_path / "copy")
    assert make(root).sample_ids("test") == make(tmp_path / "copy").sample_ids("test")


def test_split_folders_are_kept(make: Callable[..., ImageFolder], make_images: MakeImages):
    datamodule = make(
        make_images({f"{split}/{name}": n for split, n in (("train", 9), ("valid", 3), ("test", 5)) for name in "ab"})
    )
    for split, folder, count in (("train", "train", 18), ("val", "valid", 6), ("test", "test", 10)):
        assert len(datamodule.sample_ids(split)) == count
        assert all(name.startswith(f"{folder}/") for name in datamodule.sample_ids(split))


def test_missing_split_folders_are_taken_from_train(make: Callable[..., ImageFolder], make_images: MakeImages):
    root = make_images({f"{split}/{name}": 20 for split in ("train", "test") for name in "ab"})
    datamodule = make(root)
    assert all(name.startswith("test/") for name in datamodule.sample_ids("test"))
    assert [[*datamodule.class_counts(split).values()] for split in ("train", "val", "test")] == [
        [17, 17],
        [3, 3],
        [20, 20],
    ]
    shutil.rmtree(root / "test")
    assert [sum([*make(root).class_counts(split).values()]) for split in ("train", "val", "test")] == [25, 5, 10]


def test_groups_lie_in_one_split(make: Callable[..., ImageFolder], make_images: MakeImages):
    root = make_images({f"{name}/patient{n}": 4 for name in "ab" for n in range(30)})
    datamodule = make(root, group=r"(patient\d+)")
    patients = [{Path(name).parts[1] for name in datamodule.sample_ids(split)} for split in datamodule.splits]
    assert len(set.union(*patients)) == sum(len(names) for names in patients) == 30
    assert abs(sum([*datamodule.class_counts("test").values()]) - 60) <= 8


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", "is no regular expression"),
        (r"patient\d+", r"has no \(…\)"),
        (r"[ab]/(1)", "finds no group in 38 of 40"),
    ],
)
def test_useless_group_patterns_are_errors(
    make: Callable[..., ImageFolder], make_images: MakeImages, group: str, message: str
):
    with pytest.raises((ConfigError, GraftError), match=message):
        make(make_images({"a/0": 19, "b/0": 19, "a/1": 1, "b/1": 1}), group=group)


def test_bad_files_are_an_error_or_skipped_and_counted(make: Callable[..., ImageFolder], make_images: MakeImages):
    root = make_images({"a": 20, "b": 20})
    (root / "a/003.png").write_bytes(b"")
    cut = root / "b/007.png"
    cut.write_bytes(cut.read_bytes()[:60])
    with pytest.raises(GraftError, match=r"2 of 40 samples .*\n  a/003\.png: the file is empty"):
        make(root)
    datamodule = make(root, bad_files="skip")
    assert [file.id for file in datamodule.skipped] == ["a/003.png", "b/007.png"]
    assert sum(sum([*datamodule.class_counts(split).values()]) for split in datamodule.splits) == 38
    assert sum(len(batch["index"]) for split in datamodule.splits for batch in datamodule.eval_dataloader(split)) == 38


def test_an_empty_class_folder_is_skipped_and_counted(make: Callable[..., ImageFolder], make_images: MakeImages):
    root = make_images({"a": 20, "b": 20, "c": 0})
    with pytest.raises(GraftError, match="c holds no images"):
        make(root)
    datamodule = make(root, bad_files="skip")
    assert datamodule.classes == ["a", "b"]
    assert [file.id for file in datamodule.skipped] == ["c/"]


def test_a_class_of_bad_files_only_is_named(make: Callable[..., ImageFolder], make_images: MakeImages):
    root = make_images({"a": 20, "b": 1})
    (root / "b/000.png").write_bytes(b"")
    with pytest.raises(GraftError, match=r"No image of class 'b' can be read \(1 bad file\): repair some"):
        make(root, bad_files="skip")


def test_faults_of_folders_images_and_groups_are_told_at_once(
    make: Callable[..., ImageFolder], make_images: MakeImages
):
    root = make_images({"a/1": 20, "b/1": 20, "c": 2})
    (root / "d").mkdir()
    (root / "a/1/003.png").write_bytes(b"")
    with pytest.raises(GraftError) as error:
        make(root, group=r"/(\d)/")
    told = str(error.value)
    assert f"{root} has 3 faults:" in told
    assert f"\n- The class folder {root}/d holds no images" in told
    assert f"\n- 1 of 42 samples in {root} cannot be used:\n    a/1/003.png: the file is empty" in told
    assert "\n- datamodule.split.group=/(\\d)/ finds no group in 2 of 41 paths" in told


def test_a_look_reads_no_image_until_there_is_a_fault(
    settings: dict[str, Any], make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
):
    root = make_images({"a": 20, "b": 20})
    (root / "a/003.png").write_bytes(b"")
    datamodule = ImageFolder(root=root, **settings)
    with monkeypatch.context() as patched:
        patched.setattr("graft.data.image_folder.sort_out", None)
        datamodule.look()
    (root / "c").mkdir()
    with pytest.raises(GraftError, match=r"has 2 faults(.|\n)*c holds no images(.|\n)*a/003.png: the file is empty"):
        datamodule.look()


def test_images_are_not_read_again_at_setup(
    make: Callable[..., ImageFolder], make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
):
    root = make_images({"a": 20, "b": 20})
    expected = make(root).splits
    monkeypatch.setattr("graft.data.images._rgb", None)
    again = make(root)
    assert not again.skipped
    assert all(np.array_equal(again.splits[split], expected[split]) for split in expected)


def test_a_home_folder_may_be_abbreviated(
    make: Callable[..., ImageFolder], make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
):
    root = make_images({"a": 20, "b": 20})
    monkeypatch.setenv("HOME", str(root.parent))
    assert make(Path("~/images")).classes == ["a", "b"]
