import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from graft.data import ImageTable, TextTable
from graft.data.description import describe
from graft.data.table import Kind
from graft.errors import ConfigError, GraftError

COLUMNS = {"sample": "text", "labels": "label", "separator": None, "split": None, "group": None, "facets": []}


def characters(train: bool) -> Callable[[str], torch.Tensor]:
    return lambda text: torch.tensor(len(text))


def make(settings: dict[str, Any], path: Path, source: Any = TextTable, columns: Any = (), **changes: Any) -> Any:
    given = settings | {"preprocess": characters} if source is TextTable else settings
    datamodule = source(path=path, columns=COLUMNS | dict(columns), **(given | changes))
    datamodule.setup()
    return datamodule


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    rows = [
        f"text {row},{'good' if row % 2 else 'bad'},{row / 10},{row // 4},{'en' if row < 40 else 'de'}"
        for row in range(80)
    ]
    path.write_text("\n".join(["text,label,score,author,language", *rows]))
    return path


def test_texts_and_classes(settings: dict[str, Any], reviews: Path):
    datamodule = make(settings, reviews, columns={"facets": ["language"]})
    assert datamodule.classes == ["bad", "good"]
    sample = datamodule.dataset("test", train=False)[0]
    row = int(sample["index"])
    assert datamodule.table.ids[row] == str(row + 1)
    assert datamodule.table.load(row) == f"text {row}"
    assert int(sample["target"]) == row % 2
    assert datamodule.table.facets["language"][row] == ("en" if row < 40 else "de")


def test_groups_stay_together(settings: dict[str, Any], reviews: Path):
    datamodule = make(settings, reviews, columns={"group": "author"})
    authors = [set(rows // 4) for rows in datamodule.splits.values()]
    assert not authors[0] & authors[1] | authors[0] & authors[2] | authors[1] & authors[2]


def test_values(settings: dict[str, Any], reviews: Path):
    datamodule = make(settings, reviews, columns={"labels": "score"}, kind=Kind.REGRESSION)
    assert datamodule.dataset("train", train=False)[0]["target"].shape == (1,)
    targets = datamodule.targets()
    train = datamodule.splits["train"] / 10
    assert targets.mean[0] == pytest.approx(train.mean(), rel=1e-6)
    assert targets.std[0] == pytest.approx(train.std(), rel=1e-6)


def test_splits_of_the_file_count(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "t.csv"
    split = ["train", "Valid", "TEST", "train"]
    path.write_text("text,label,part\n" + "".join(f"t{row},{row // 4 % 2},{split[row % 4]}\n" for row in range(80)))
    datamodule = make(settings, path, columns={"split": "part"})
    assert datamodule.splits["test"].tolist() == list(range(2, 80, 4))
    assert datamodule.splits["val"].tolist() == list(range(1, 80, 4))
    path.write_text(path.read_text().replace("TEST", "tset", 1))
    with pytest.raises(GraftError, match="line 4, column 'part': 'tset' is no split"):
        make(settings, path, columns={"split": "part"})


def test_a_class_that_training_never_saw(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "t.csv"
    rows = [f"t{row},{row % 2},train" for row in range(20)] + [f"t{row},{row % 3},test" for row in range(20, 40)]
    path.write_text("text,label,part\n" + "\n".join(rows))
    with pytest.raises(GraftError, match=r"'2' is absent from the train split.*column of datamodule\.columns\.split"):
        make(settings, path, columns={"split": "part"})


def test_rows_without_a_text_or_a_label_are_an_error_or_counted(
    settings: dict[str, Any], reviews: Path, caplog: pytest.LogCaptureFixture
):
    lines = reviews.read_text().splitlines()
    lines[3] = " ,bad,0,0,en"
    lines[5] = "text,NaN,0,0,en"
    reviews.write_text("\n".join(lines))
    with pytest.raises(
        GraftError, match=r"2 of 80 samples[^$]*\n  line 4: the text is empty\n  line 6: no value in label"
    ):
        make(settings, reviews)
    with caplog.at_level(logging.WARNING):
        datamodule = make(settings, reviews, bad_files="skip")
    assert "2 of 80" in caplog.text
    assert sum(map(len, datamodule.splits.values())) == 78
    assert "3" not in datamodule.table.ids
    assert datamodule.table.load(datamodule.table.ids.index("7")) == "text 6"


def test_faults_of_columns_and_samples_are_told_at_once(settings: dict[str, Any], reviews: Path):
    lines = reviews.read_text().splitlines()
    lines[3] = " ,bad,low,,en"
    lines[5] = "text,good,1,,xx"
    lines[6:9] = [f"text,good,{value},1,xx" for value in ("high", "2,5", "x")]
    lines[7] = 'text,good,"2,5",1,xx'
    reviews.write_text("\n".join(lines))
    columns = {"labels": "score", "group": "author", "split": "language"}
    with pytest.raises(GraftError) as error:
        make(settings, reviews, columns=columns, kind=Kind.REGRESSION)
    told = str(error.value)
    assert f"{reviews} has 4 faults:" in told
    assert "line 4, column 'score': 'low' is no number (nor are 'high', '2,5', 'x'): correct it" in told
    assert "\n- 1 of 80 samples" in told
    assert "\n    line 4: the text is empty" in told
    assert "line 6, column 'author': there is no group." in told
    assert "line 2, column 'language': 'en' is no split (likewise 2 other values)" in told


def test_a_look_finds_faults_of_columns_without_the_samples(
    settings: dict[str, Any], reviews: Path, monkeypatch: pytest.MonkeyPatch
):
    given = settings | {"preprocess": None}
    with monkeypatch.context() as patched:
        patched.setattr("graft.data.tables.store_texts", None)
        TextTable(path=reviews, columns=COLUMNS, **given).look()
        with pytest.raises(GraftError, match=r"no column 'author2'. Did you mean 'author'\?"):
            TextTable(path=reviews, columns=COLUMNS | {"group": "author2"}, **given).look()
    reviews.write_text(reviews.read_text().replace("text 4,bad", ",").replace("text 5,good", "text 5,"))
    with pytest.raises(
        GraftError, match=r"2 of 80 samples[^$]*\n  line 6: the text is empty\n  line 7: no value in label"
    ):
        TextTable(path=reviews, columns=COLUMNS, **given).look()
    TextTable(path=reviews, columns=COLUMNS, **given | {"bad_files": "skip"}).look()


def test_all_missing_columns_are_told(settings: dict[str, Any], reviews: Path):
    with pytest.raises(GraftError, match=r"no column 'txt'. Did you mean 'text'\? .* no column 'lable'. Did you mean"):
        make(settings, reviews, columns={"sample": "txt", "labels": "lable"})


def test_images_of_a_table(settings: dict[str, Any], tmp_path: Path):
    for row in range(40):
        pixels = np.full((4, 4 + row % 3, 3), row * 6, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{row}.png")
    path = tmp_path / "t.tsv"
    path.write_text("path\tlabel\n" + "".join(f"{row}.png\t{row % 2}\n" for row in range(40)))
    datamodule = make(settings, path, ImageTable, {"sample": "path"}, batch_size=4)
    row = datamodule.table.ids.index("7.png")
    assert datamodule.table.load(row).unique().tolist() == [42]
    assert datamodule.table.sizes[row].tolist() == [5, 4]
    (tmp_path / "7.png").unlink()
    with pytest.raises(GraftError, match=r"1 of 40 samples.*\n  line 9, 7.png: no such file"):
        make(settings, path, ImageTable, {"sample": "path"}, batch_size=4)
    path.write_text(path.read_text() + "3.png\t1\n")
    with pytest.raises(GraftError, match=r"line 5 and line 42 both name 3.png"):
        make(settings, path, ImageTable, {"sample": "path"}, batch_size=4)


def test_a_row_without_a_path_is_told_by_its_line(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("path,label\na.png,1\n,0\n")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(GraftError, match="line 3: no path in path"):
        make(settings, path, ImageTable, {"sample": "path"})


def test_labels_of_mixed_types_are_the_classes_that_they_mean(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"t{row},{row % 2}{'.0' * (row < 40)}\n" for row in range(80)))
    assert make(settings, path).classes == ["0", "1"]


def test_a_header_alone_is_told(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n")
    with pytest.raises(GraftError, match="has no rows below its header"):
        make(settings, path)


def test_rare_labels_are_left_out_on_demand(settings: dict[str, Any], tmp_path: Path):
    path = tmp_path / "t.jsonl"
    tags = [["a", "b"] if row % 2 else ["a"] for row in range(80)]
    tags[3] = ["b", "once"]
    path.write_text("".join(json.dumps({"text": f"t{row}", "tags": each}) + "\n" for row, each in enumerate(tags)))
    given = settings | {"kind": Kind.MULTI_LABEL}
    with pytest.raises(GraftError, match=r"'once' is in 1 of 80 rows.*datamodule\.columns\.min_rows=3"):
        make(given, path, columns={"labels": "tags"})
    assert make(given, path, columns={"labels": "tags", "min_rows": 3}).classes == ["a", "b"]


def test_a_copy_in_another_split_is_warned_of(
    settings: dict[str, Any], reviews: Path, caplog: pytest.LogCaptureFixture
):
    datamodule = make(settings, reviews)
    train, test = datamodule.splits["train"][0], datamodule.splits["test"][0]
    assert describe(datamodule)["duplicates"]["exact"] == 0
    lines = reviews.read_text().splitlines()
    lines[train + 1] = lines[train + 1].replace(f"text {train}", "The  same")
    lines[test + 1] = lines[test + 1].replace(f"text {test}", "the same")
    reviews.write_text("\n".join(lines))
    with caplog.at_level(logging.WARNING):
        description = describe(make(settings, reviews))
    assert description["duplicates"]["exact"] == 1
    assert description["duplicates"]["examples"] == [[str(train + 1), "train", str(test + 1), "test"]]
    assert "Scores of them flatter" in caplog.text
    assert description["lengths"]["unit"] == "characters"
    assert description["counts"]["test"] == {"bad": 10, "good": 10}


def test_values_for_a_task_of_classes_are_refused(settings: dict[str, Any], reviews: Path):
    with pytest.raises(ConfigError, match=r"labels=\[score,label\]"):
        make(settings, reviews, columns={"labels": ["score", "label"]})
