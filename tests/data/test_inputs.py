from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft.data.inputs import read_inputs
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
    with pytest.raises(GraftError, match=r"none of 1 images can be read. The first: broken.png"):
        read_inputs(photos / "broken.png", "images", "path")
    with pytest.raises(GraftError, match="holds no files of these kinds"):
        read_inputs(photos / "more", "texts", "text")


def test_a_text_file_in_another_encoding_is_named(tmp_path: Path):
    (tmp_path / "old.txt").write_bytes("gr\u00fcn".encode("latin-1"))
    with pytest.raises(GraftError, match=r"old.txt is not UTF-8 \(byte 2\)"):
        read_inputs(tmp_path / "old.txt", "texts", "text")
