from pathlib import Path

import pytest

from graft.data.folders import Entry, scan
from graft.errors import GraftError

SUFFIXES = {".png", ".jpg"}


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.touch()
        else:
            path.mkdir()
    return root


def test_class_folders_are_searched_to_the_bottom(tmp_path: Path):
    touch(tmp_path, "dog/b.PNG", "cat/deep/er/a.jpg", "cat/notes.txt", "cat/._a.jpg", ".git/x.png", "readme.png")
    assert scan(tmp_path, SUFFIXES) == [
        Entry("cat/deep/er/a.jpg", None, "cat"),
        Entry("dog/b.PNG", None, "dog"),
    ]


def test_links_to_folders_are_followed(tmp_path: Path):
    touch(tmp_path, "store/cats/a.png", "root/dog/b.png")
    (tmp_path / "root/cat").symlink_to(tmp_path / "store/cats")
    (tmp_path / "root/dog/more").symlink_to(tmp_path / "store")
    found = [entry.id for entry in scan(tmp_path / "root", SUFFIXES)]
    assert found == ["cat/a.png", "dog/b.png", "dog/more/cats/a.png"]


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders(tmp_path: Path, val: str):
    touch(tmp_path, *(f"{split}/{name}/x.png" for split in ("train", val, "test") for name in ("cat", "dog")))
    entries = scan(tmp_path, SUFFIXES)
    assert {(entry.split, entry.label) for entry in entries} == {
        (split, name) for split in ("train", "val", "test") for name in ("cat", "dog")
    }
    assert f"{val}/cat/x.png" in [entry.id for entry in entries]


def test_a_train_folder_alone_is_a_split(tmp_path: Path):
    touch(tmp_path, "train/cat/x.png", "train/dog/x.png")
    assert {entry.split for entry in scan(tmp_path, SUFFIXES)} == {"train"}


def test_another_split_may_lack_a_class(tmp_path: Path):
    touch(tmp_path, "train/cat/x.png", "train/dog/x.png", "test/cat/x.png")
    assert {entry.label for entry in scan(tmp_path, SUFFIXES) if entry.split == "test"} == {"cat"}


def test_trains_may_be_a_class(tmp_path: Path):
    touch(tmp_path, "bus/x.png", "train/x.png")
    assert [entry.label for entry in scan(tmp_path, SUFFIXES)] == ["bus", "train"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat/x.png"], "only one class folder, 'cat'"),
        (["x.png"], "no class folders"),
        (["cat/x.png", "dog/notes.txt"], r"dog holds no images \(jpg png\)"),
        (["cat/x.png", "dog"], "dog holds no images"),
        (
            ["train/cat/x.png", "train/dog/x.png", "test/cat/x.png", "test/Dog/x.png"],
            "train lacks the class folder 'Dog'",
        ),
        (["train/cat/x.png", "train/dog/x.png", "test/x.png"], "test holds no class folders"),
        (["train/cat/x.png", "train/dog/x.png", "val/cat/x.png", "val/dog"], "val/dog holds no images"),
        (["train/cat/x.png", "test/cat/x.png", "other/cat/x.png"], r"others \(other/\)"),
        (["test/cat/x.png", "val/cat/x.png"], "no train/ folder"),
        (["train/cat/x.png", "val/cat/x.png", "valid/cat/x.png"], "several folders for one split"),
        (["train/cat/x.png"], "train holds only one class folder"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, names: list[str], message: str):
    with pytest.raises(GraftError, match=message):
        scan(touch(tmp_path / "root", *names), SUFFIXES)


def test_a_missing_root_is_named_with_the_nearest_folder(tmp_path: Path):
    touch(tmp_path, "flowers/rose/x.png")
    with pytest.raises(GraftError, match=r"root=.*flower does not exist .* Did you mean 'flowers'\?"):
        scan(tmp_path / "flower", SUFFIXES)
    with pytest.raises(GraftError, match="is a file"):
        scan(tmp_path / "flowers/rose/x.png", SUFFIXES)


def test_files_that_are_passed_over_are_counted_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    touch(tmp_path, "cat/a.png", "cat/b.HEIC", "cat/.c.heic", "dog/a.png", "labels.csv")
    (tmp_path / "dog/photo").write_text("")
    scan(tmp_path, SUFFIXES)
    assert "2 files in" in caplog.text
    assert "cat/b.HEIC, dog/photo" in caplog.text


def test_a_file_in_the_place_of_the_root_is_not_suggested_again(tmp_path: Path):
    touch(tmp_path, "photos.png")
    with pytest.raises(GraftError, match=r"is a file, not a folder \(.*\)\.$"):
        scan(tmp_path / "photos.png", SUFFIXES)
