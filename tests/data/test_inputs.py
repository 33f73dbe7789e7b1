from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft.data.inputs import bad_names, read_inputs
from graft.errors import GraftError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images and a broken one, one folder down, beside what is no image."""
    root = tmp_path / "photos"
    (root / "more").mkdir(parents=True)
    for number, name in enumerate(["b.png", "a.png", "more/c.PNG"]):
        Image.fromarray(np.full((4, 5, 3), number, dtype=np.uint8)).save(root / name, format="PNG")
    (root / "broken.png").write_bytes(b"")
    (root / "notes.txt").write_text("no image")
    return root


def test_a_folder_of_images_is_searched_to_the_bottom(photos: Path):
    inputs = read_inputs(photos, "images", "path")
    assert inputs.ids == ["a.png", "b.png", "broken.png", "more/c.PNG"]
    assert inputs.table.ids == ["a.png", "b.png", "more/c.PNG"]
    assert [int(inputs.table.load(row).max()) for row in range(3)] == [1, 0, 2]
    assert [(bad.id, "empty" in bad.reason) for bad in inputs.bad] == [("broken.png", True)]


def test_one_image(photos: Path):
    assert read_inputs(photos / "b.png", "images", "path").table.ids == ["b.png"]


def test_a_table_of_paths_keeps_its_order_and_names_what_is_missing(photos: Path):
    table = photos / "list.csv"
    table.write_text("path\nmore/c.PNG\nnowhere.png\na.png\n")
    inputs = read_inputs(table, "images", "path")
    assert inputs.ids == ["more/c.PNG", "nowhere.png", "a.png"]
    assert inputs.table.ids == ["more/c.PNG", "a.png"]
    assert inputs.bad[0].id == "nowhere.png"


@pytest.mark.parametrize("kind", ["txt", "folder", "csv", "jsonl"])
def test_texts_in_every_form(tmp_path: Path, kind: str):
    texts = ["first", "  ", "third"]
    path = tmp_path / f"texts.{kind}"
    if kind == "folder":
        path.mkdir()
        for number, text in enumerate(texts):
            (path / f"{number}.txt").write_text(text)
    elif kind == "jsonl":
        path.write_text("".join(f'{{"words": "{text}"}}\n' for text in texts))
    else:
        path.write_text("\n".join((["words"] if kind == "csv" else []) + texts))
    inputs = read_inputs(path, "texts", "words")
    assert len(inputs.ids) == 3
    assert [inputs.table.load(row) for row in range(2)] == ["first", "third"]
    assert inputs.bad == [(inputs.ids[1], "the text is empty")]
    assert inputs.table.lengths is not None
    assert inputs.table.lengths.tolist() == [5, 5]


def test_what_cannot_be_predicted_is_told(photos: Path):
    with pytest.raises(GraftError, match=r"photo does not exist.*Did you mean .*photos"):
        read_inputs(photos.parent / "photo", "images", "path")
    with pytest.raises(GraftError, match=r"photo does not exist\..* It takes an image, a folder of images, or a table"):
        read_inputs(photos.parent / "photo", "images", "path")
    with pytest.raises(GraftError, match=r"none of 1 image can be read. The first: broken.png"):
        read_inputs(photos / "broken.png", "images", "path")
    with pytest.raises(GraftError, match="holds no files of these kinds"):
        read_inputs(photos / "more", "texts", "text")


LATIN = "gr\u00fcn".encode("latin-1")


@pytest.mark.parametrize("kind", ["txt", "folder", "csv", "tsv"])
def test_a_text_in_another_encoding_is_named_and_spoils_no_other(tmp_path: Path, kind: str):
    texts = [b"first", LATIN, b"third"]
    path = tmp_path / f"texts.{kind}"
    if kind == "folder":
        path.mkdir()
        for number, text in enumerate(texts):
            (path / f"{number}.txt").write_bytes(text)
    else:
        path.write_bytes(b"\n".join(([b"words"] if kind in ("csv", "tsv") else []) + texts))
    inputs = read_inputs(path, "texts", "words")
    assert [inputs.table.load(row) for row in range(len(inputs.table.ids))] == ["first", "third"]
    (bad,) = inputs.bad
    assert bad.id == inputs.ids[1]
    told = {"txt": "line 2", "folder": "1.txt"}.get(kind, "line 3")
    assert bad_names(inputs, path, 5) == [told]
    assert bad.reason.startswith("not UTF-8 (byte 0xfc at 2); convert it")


def test_a_text_file_of_which_nothing_can_be_read_is_an_error(tmp_path: Path):
    (tmp_path / "old.txt").write_bytes(LATIN)
    with pytest.raises(
        GraftError, match=r"none of 1 text can be read. The first: line 1: not UTF-8 \(byte 0xfc at 2\)"
    ):
        read_inputs(tmp_path / "old.txt", "texts", "text")
    (tmp_path / "wide.txt").write_text("first\nsecond", encoding="utf-16")
    with pytest.raises(GraftError, match=r"wide.txt is UTF-16, not UTF-8: convert it"):
        read_inputs(tmp_path / "wide.txt", "texts", "text")


def test_only_the_end_of_a_line_ends_a_text(tmp_path: Path):
    (tmp_path / "lines.txt").write_bytes("\ufeffone\u2028still one\r\ntwo\n".encode())
    inputs = read_inputs(tmp_path / "lines.txt", "texts", "text")
    assert [inputs.table.load(row) for row in range(len(inputs.ids))] == ["one\u2028still one", "two"]


def test_files_of_other_kinds_in_a_folder_are_counted(photos: Path, caplog: pytest.LogCaptureFixture):
    for name in ("x.heic", "y.HEIC", ".hidden"):
        (photos / name).touch()
    read_inputs(photos, "images", "path")
    assert "3 files in" in caplog.text
    assert "passed over: 2 .heic, 1 .txt; convert .heic to .jpg" in caplog.text


def test_photos_of_telephones_are_told_to_be_converted(tmp_path: Path):
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.heif").write_bytes(b"\0\0\0\x18ftypmif1")
    with pytest.raises(GraftError, match=r"holds no files of these kinds: .*; convert \.heic and \.heif to \.jpg\.$"):
        read_inputs(tmp_path, "images", "path")
    with pytest.raises(GraftError, match=r"The first: a\.HEIC: not an image that is read; convert \.heic to \.jpg"):
        read_inputs(tmp_path / "a.HEIC", "images", "path")
    with pytest.raises(GraftError, match=r"holds no files of these kinds: \.txt\.$"):
        read_inputs(tmp_path, "texts", "text")


def test_a_row_without_a_path_is_told_by_its_line(photos: Path):
    (photos / "list.csv").write_text('path,x\na.png,1\n"",2\nnone.png,3\n')
    inputs = read_inputs(photos / "list.csv", "images", "path")
    assert inputs.bad == [("row 2", "names no file"), ("none.png", "no such file")]
    assert bad_names(inputs, photos / "list.csv", 5) == ["line 3", "none.png"]
    assert bad_names(inputs, photos / "list.csv", 1) == ["line 3"]


@pytest.mark.parametrize("text", ["Read a socket", "Does it read/write? " * 40])
def test_a_text_in_the_place_of_a_file_is_told_what_is_taken(text: str):
    with pytest.raises(GraftError, match=r"does not exist\. It takes a \.txt file with a text in each line, .*\.csv"):
        read_inputs(Path(text), "texts", "text")


def test_a_table_with_semicolons(photos: Path):
    (photos / "list.csv").write_text("path;x\na.png;1\n;2\n")
    inputs = read_inputs(photos / "list.csv", "images", "path")
    assert inputs.table.ids == ["a.png"]
    assert bad_names(inputs, photos / "list.csv", 5) == ["line 3"]
    (photos / "texts.csv").write_text("words;x\none, two;1\n")
    assert read_inputs(photos / "texts.csv", "texts", "words").table.load(0) == "one, two"


def test_the_way_to_name_a_column_and_to_save_a_spreadsheet_is_told(photos: Path):
    (photos / "list.csv").write_text("file,x\na.png,1\n")
    with pytest.raises(GraftError, match=r"no column 'path'. Say which it is, column=…, of: file, x."):
        read_inputs(photos / "list.csv", "images", "path")
    (photos / "list.csv").write_text("file|x\na.png|1\n")
    with pytest.raises(GraftError, match=r"no column 'path'. It seems to be separated by bars"):
        read_inputs(photos / "list.csv", "images", "path")
    (photos / "texts.xlsx").write_bytes(b"PK")
    with pytest.raises(GraftError, match="save a spreadsheet as CSV"):
        read_inputs(photos / "texts.xlsx", "texts", "text")
    with pytest.raises(GraftError, match=r"b\.png holds no texts that can be read"):
        read_inputs(photos / "b.png", "texts", "text")
