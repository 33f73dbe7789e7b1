from pathlib import Path

import pytest

from graft.data.faults import Faults, FaultsError
from graft.data.folders import Entry, scan, warn_of_listing
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


def scanned(root: Path, bad_files: str = "error") -> list[Entry]:
    """The files, or an error with all faults."""
    faults = Faults(str(root))
    entries = scan(root, SUFFIXES, faults, bad_files).entries
    faults.tell()
    return entries


def test_class_folders_are_searched_to_the_bottom(tmp_path: Path):
    touch(tmp_path, "dog/b.PNG", "cat/deep/er/a.jpg", "cat/notes.txt", "cat/._a.jpg", ".git/x.png", "readme.png")
    assert scanned(tmp_path) == [
        Entry("cat/deep/er/a.jpg", None, "cat"),
        Entry("dog/b.PNG", None, "dog"),
    ]


def test_links_to_folders_are_followed(tmp_path: Path):
    touch(tmp_path, "store/cats/a.png", "root/dog/b.png")
    (tmp_path / "root/cat").symlink_to(tmp_path / "store/cats")
    (tmp_path / "root/dog/more").symlink_to(tmp_path / "store")
    found = [entry.id for entry in scanned(tmp_path / "root")]
    assert found == ["cat/a.png", "dog/b.png", "dog/more/cats/a.png"]


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders(tmp_path: Path, val: str):
    touch(tmp_path, *(f"{split}/{name}/x.png" for split in ("train", val, "test") for name in ("cat", "dog")))
    entries = scanned(tmp_path)
    assert {(entry.split, entry.label) for entry in entries} == {
        (split, name) for split in ("train", "val", "test") for name in ("cat", "dog")
    }
    assert f"{val}/cat/x.png" in [entry.id for entry in entries]


def test_a_train_folder_alone_is_a_split(tmp_path: Path):
    touch(tmp_path, "train/cat/x.png", "train/dog/x.png")
    assert {entry.split for entry in scanned(tmp_path)} == {"train"}


def test_another_split_may_lack_a_class(tmp_path: Path):
    touch(tmp_path, "train/cat/x.png", "train/dog/x.png", "test/cat/x.png")
    assert {entry.label for entry in scanned(tmp_path) if entry.split == "test"} == {"cat"}


def test_trains_may_be_a_class(tmp_path: Path):
    touch(tmp_path, "bus/x.png", "train/x.png")
    assert [entry.label for entry in scanned(tmp_path)] == ["bus", "train"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat/x.png"], "only one class folder, 'cat'"),
        (["x.png"], "no class folders"),
        (
            ["cat/x.png", "dog/a.txt"],
            r"dog holds no images \(jpg png\), but 1 other file such as dog/a.txt: add some, or",
        ),
        (["cat/x.png", "dog"], r"dog holds no images \(jpg png\): add some, .* out: datamodule.bad_files=skip\.$"),
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
        scanned(touch(tmp_path / "root", *names))


def test_empty_class_folders_are_left_out_on_demand(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    touch(tmp_path, "cat/x.png", "dog/x.png", "elk", "fox/deep")
    assert {entry.label for entry in scanned(tmp_path, "skip")} == {"cat", "dog"}
    listing = scan(tmp_path, SUFFIXES, Faults(""), "skip")
    warn_of_listing(tmp_path, listing, SUFFIXES)
    assert f"making no class of 2 empty folders in {tmp_path}" in caplog.text
    assert "elk/, fox/" in caplog.text
    assert [folder.id for folder in listing.left_out] == ["elk/", "fox/"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["cat/x.png", "dog/x.png", "elk/x.heic"],
            r"elk holds no images .* such as elk/x.heic: add some, or remove it; convert \.heic to \.jpg\.$",
        ),
        (
            ["cat/x.png", "dog/x.png", "elk/x.HEIF", "fox/x.heic"],
            r"Add some to each, or remove it; convert \.heic and \.heif to \.jpg\.$",
        ),
        (["cat/x.png", "dog"], "only one class folder, 'cat'"),
        (
            ["train/cat/x.png", "train/dog/x.png", "train/elk", "val/cat/x.png", "val/elk/x.png"],
            "train lacks the class folder 'elk', .* An empty folder is none",
        ),
    ],
)
def test_what_cannot_be_left_out_is_a_fault_all_the_same(tmp_path: Path, names: list[str], message: str):
    with pytest.raises(GraftError, match=message) as error:
        scanned(touch(tmp_path, *names), "skip")
    assert "bad_files=skip" not in str(error.value)


def test_all_faults_are_told_at_once(tmp_path: Path):
    full = [f"{split}/{name}/x.png" for split in ("train", "val") for name in ("cat", "dog")]
    empty = [f"train/{number}" for number in range(7)] + ["val/0/notes.txt"]
    touch(tmp_path, *full, *empty, "val/elk/x.png", "test/elk/x.png", "test/fox/x.png")
    with pytest.raises(FaultsError) as error:
        scanned(tmp_path)
    told = str(error.value)
    assert f"{tmp_path} has 3 faults:" in told
    assert (
        f"\n- 8 class folders hold no images (jpg png), but 1 other file such as val/0/notes.txt: {tmp_path}/tr" in told
    )
    assert "train/4 and 3 more. Add some" in told
    assert f"lacks the class folder 'elk', which {tmp_path}/val has" in told
    assert f"lacks the class folders 'elk', 'fox', which {tmp_path}/test has" in told


def test_a_missing_root_is_named_with_the_nearest_folder(tmp_path: Path):
    touch(tmp_path, "flowers/rose/x.png")
    with pytest.raises(GraftError, match=r"root=.*flower does not exist .* Did you mean 'flowers'\?"):
        scanned(tmp_path / "flower")
    with pytest.raises(GraftError, match="is a file"):
        scanned(tmp_path / "flowers/rose/x.png")


def test_files_that_are_passed_over_are_counted_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    touch(tmp_path, "cat/a.png", "cat/b.HEIC", "cat/.c.heic", "dog/a.png", "labels.csv")
    (tmp_path / "dog/photo").write_text("")
    warn_of_listing(tmp_path, scan(tmp_path, SUFFIXES, Faults("")), SUFFIXES)
    assert "2 files in" in caplog.text
    assert "cat/b.HEIC, dog/photo; convert .heic to .jpg" in caplog.text


def test_files_of_another_kind_alone_get_no_advice(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    touch(tmp_path, "cat/a.png", "dog/a.png", "labels.csv", "cat/notes.txt")
    warn_of_listing(tmp_path, scan(tmp_path, SUFFIXES, Faults("")), SUFFIXES)
    assert "cat/notes.txt" in caplog.text
    assert "onvert" not in caplog.text


def test_a_file_in_the_place_of_the_root_is_not_suggested_again(tmp_path: Path):
    touch(tmp_path, "photos.png")
    with pytest.raises(GraftError, match=r"is a file, not a folder \(.*\)\.$"):
        scanned(tmp_path / "photos.png")
