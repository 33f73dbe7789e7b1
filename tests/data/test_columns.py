import json
import logging
import pickle
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graft.data import encodings, formats
from graft.data.columns import read_strings, store_texts
from graft.data.formats import column_names
from graft.errors import GraftError

ROWS = [
    {"text": 'He said, "no", and left.', "label": 1},
    {"text": "naïve café 🙂", "label": 0},
    {"text": "", "label": None},
]


def write(path: Path) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        quote = '"' if mark == "," else ""
        quoted = [row["text"].replace('"', quote + '"') for row in ROWS]
        lines = [
            f"{quote}{text}{quote}{mark}{'' if row['label'] is None else row['label']}"
            for text, row in zip(quoted, ROWS, strict=True)
        ]
        path.write_text("\n".join([f"text{mark}label", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet"])
def test_every_format_says_the_same(tmp_path: Path, name: str):
    path = write(tmp_path / name)
    assert list(read_strings(path, ["label"])["label"]) == ["1", "0", None]
    texts, lengths = store_texts(path, "text")
    assert [texts(row) for row in range(3)] == [row["text"] for row in ROWS]
    assert lengths.tolist() == [len(row["text"]) for row in ROWS]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ('text;label\na, b;1\n"c; d, ""e""\n\nf";2\n', {"text": ["a, b", 'c; d, "e"\n\nf'], "label": ["1", "2"]}),
        ('\ufeff"text";"label, or\nnone"\r\na;0,7\r\n', {"text": ["a"], "label, or\nnone": ["0,7"]}),
        ('text,"label; or\nnone"\na;b,1\n', {"text": ["a;b"], "label; or\nnone": ["1"]}),
        ('"text"\na;b\n', {"text": ["a;b"]}),
    ],
)
def test_semicolons_are_seen_by_the_header(tmp_path: Path, content: str, columns: dict[str, list[str]]):
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    assert column_names(path) == list(columns)
    assert {name: list(read) for name, read in read_strings(path, list(columns)).items()} == columns


def test_semicolons_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "t.csv"
    path.write_text("text;label\na;1\n")
    with caplog.at_level(logging.INFO):
        store_texts(path, "text")
        read_strings(path, ["label"])
    assert caplog.messages == [f"{path}: its columns are separated by semicolons"]


def test_stored_texts_travel_and_follow_the_file(tmp_path: Path):
    path = write(tmp_path / "t.csv")
    texts, _ = store_texts(path, "text")
    assert pickle.loads(pickle.dumps(texts))(1) == ROWS[1]["text"]
    assert len(pickle.dumps(texts)) < 500
    path.write_text("text,label\nother,1\n")
    assert store_texts(path, "text")[0](0) == "other"


def test_stored_texts_that_were_edited_are_told_and_copied_again(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = write(tmp_path / "t.csv")
    stored = store_texts(path, "text")[0].path
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"He said", b"He sold"))
    with caplog.at_level(logging.WARNING):
        texts, _ = store_texts(path, "text")
    assert texts(0) == ROWS[0]["text"]
    assert f"{stored.parent} is damaged (the checksum of texts.arrow is wrong)" in caplog.text
    stored.write_bytes(content[: len(content) // 2])
    assert store_texts(path, "text")[0](0) == ROWS[0]["text"]


def test_texts_that_cannot_be_kept_serve_this_run(tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture):
    path = write(tmp_path / "t.csv")
    cache.write_text("a file")
    with caplog.at_level(logging.WARNING):
        texts, _ = store_texts(path, "text")
    assert [texts(row) for row in range(3)] == [row["text"] for row in ROWS]
    (said,) = caplog.messages
    assert said.startswith(f"The texts of {path} cannot be kept in {cache}/graft/texts (")


def test_texts_of_several_parts_are_found(tmp_path: Path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": [f"text {row}" for row in range(25_001)]}), path)
    texts, lengths = store_texts(path, "text")
    assert [texts(row) for row in (0, 9_999, 10_000, 25_000)] == ["text 0", "text 9999", "text 10000", "text 25000"]
    assert len(lengths) == 25_001


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"text,label\na,b\na,b,c\n", "as csv: line 3 is of 3 cells, the header of 2. Put quotation marks"),
        ("t.csv", b'text,label\n"a,b\nc,d\n', "as csv: line 2 is of 1 cell,.*close each that is opened"),
        (
            "t.csv",
            b'text,label\na,b\n"' + b"c,d\n" * 3_000_000,
            "below line 2, a row .*MiB, or a quotation mark that opens a cell is never",
        ),
        ("t.tsv", b'text\tlabel\n"a\nb"\tc\n', "as tsv: line 2 is of 1 cell,.*save such a table as CSV"),
        ("t.csv", b"text,label\nok,1\ncaf\xe9,1\n", r"line 3, column 'text': not UTF-8 \(byte 0xe9 at 3\)"),
        ("t.jsonl", b'{"text": "a"}\n\n{"text": "b', r"as jsonl: line 3 is no whole object.*, character 10\). Mend"),
        ("t.jsonl", b'[{"text": "a"}]\n', "as jsonl: line 1 is no whole object"),
        ("t.jsonl", b"\n", "has no rows"),
        ("t.jsonl", b'{"text": "caf\xe9"}\n', r"line 1: not UTF-8 \(byte 0xe9 at 13\)"),
        ("t.jsonl", '{"text": "a"}\n'.encode("utf-16"), "is UTF-16, not UTF-8"),
        ("t.jsonl", b'{"text": "' + b"a" * 5_000_000 + b'"}\n', "line 1 is longer than 4 MiB"),
        ("t.parquet", b"PAR1 no", "cannot be read as parquet"),
        ("t.xlsx", b"x", "tables are read from .csv.*Export the sheet as CSV"),
        ("t.json", b"[]", "each line is an object"),
        ("t.csv", "text,caf\u00e9\na,b\n".encode("latin1"), "the names of its columns are not UTF-8.*iconv -f latin1"),
        ("t.csv", "text,label\na,b\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        ("t.csv", b"text|label\na|b\n", "no column 'text'. It seems to be separated by bars"),
        ("t.csv", b"text|label\na, b|c\n", "as csv. It seems to be separated by bars"),
        ("t.csv", b"text;label\na;b;c\n", "line 2 is of 3 cells, the header of 2. .*cells that hold semicolons or"),
        ("t.csv", b"text,label,text\na,b,c\n", "has 2 columns 'text': rename"),
    ],
)
def test_a_broken_file_is_told_by_its_name(tmp_path: Path, name: str, content: bytes, message: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(GraftError, match=message) as error:
        store_texts(path, "text")
    assert str(path) in str(error.value)


def test_missing_files_and_columns_are_told_with_the_nearest(tmp_path: Path):
    path = write(tmp_path / "reviews.csv")
    with pytest.raises(GraftError, match=r"no column 'txt'. Did you mean 'text'\?"):
        store_texts(path, "txt")
    with pytest.raises(GraftError, match=r"does not exist. Did you mean 'reviews.csv'\?"):
        store_texts(tmp_path / "review.csv", "text")


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    """In a process of its own: what a file takes at most, and how much more one of 100 MB more.

    Parts are smaller than usual: some dozens of them are read ahead.
    """
    for name, rows in (("small", 1000), ("large", 6000)):
        with (tmp_path / f"{name}.csv").open("w") as file:
            file.write("text,label\n")
            for row in range(rows):
                file.write(f"{row} " + "x" * 20_000 + ",1\n")
    program = """
import resource, sys
from pathlib import Path
from graft.data import columns, encodings
encodings.BLOCK = 1 << 18
for name in ("small", "large"):
    texts, lengths = columns.store_texts(Path(sys.argv[1]) / f"{name}.csv", "text")
    assert lengths.tolist()[:2] == [20_002, 20_002]
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    outcome = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True)
    small, large = (int(line) * (1 if sys.platform == "darwin" else 1024) for line in outcome.stdout.split())
    assert large - small < 50_000_000


def test_a_text_with_line_breaks_is_one_cell_of_csv(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text('text,label\n"He said, ""no"",\nand left.",1\n')
    assert store_texts(path, "text")[0](0) == 'He said, "no",\nand left.'


def test_a_quotation_mark_in_tsv_is_one(tmp_path: Path):
    path = tmp_path / "t.tsv"
    path.write_text('text\tlabel\n"Never closed\t1\nfine\t0\n')
    texts, _ = store_texts(path, "text")
    assert [texts(0), texts(1)] == ['"Never closed', "fine"]


def test_dates_of_json_stay_as_they_are_written(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"label": "2020-01-01", "other": 1}\n{"label": "2021-01-01", "other": 2}\n')
    assert list(read_strings(path, ["label"])["label"]) == ["2020-01-01", "2021-01-01"]


def test_lines_of_json_are_counted_from_one_over_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encodings, "BLOCK", 1 << 10)
    path = tmp_path / "t.jsonl"
    path.write_text('{"label": 1}\n' * 500 + '{"label": \n')
    with pytest.raises(GraftError, match="line 501"):
        read_strings(path, ["label"])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1, None, "bug", True, 1.5], ["1", None, "bug", "True", "1.5"]),
        ([1, None, 2.5], [1.0, None, 2.5]),
        ([["a"], None, "b", [1, "c"]], [["a"], None, ["b"], ["1", "c"]]),
        ([2, None, 2**64], ["2", None, str(2**64)]),
        ([{"x": 1}, None, {"x": "y"}], ['{"x": 1}', None, '{"x": "y"}']),
        ([{"x": 1}, None, {"y": ["z"]}], [{"x": 1, "y": None}, None, {"x": None, "y": ["z"]}]),
        ([{}, None], ["{}", None]),
        (["a \ud83d\ude42", "cut \ud83d"], ["a \N{SLIGHTLY SMILING FACE}", "cut ?"]),
    ],
)
@pytest.mark.parametrize("block", [1 << 6, 1 << 22])
def test_a_column_of_json_is_of_one_type_over_all_parts(tmp_path, monkeypatch, values, found, block):
    monkeypatch.setattr(encodings, "BLOCK", block)
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps({"label": value}) + "\n" for value in values for _ in range(9)))
    parts = list(formats.batches(path, ["label"]))
    assert len({part.schema for part in parts}) == 1
    assert pa.Table.from_batches(parts)["label"].to_pylist() == [value for value in found for _ in range(9)]


def test_whole_numbers_that_floats_follow_in_a_later_part_of_json_are_floats(tmp_path, monkeypatch):
    monkeypatch.setattr(encodings, "BLOCK", 1 << 5)
    path = tmp_path / "t.jsonl"
    path.write_text('{"label": 9007199254740993}\n' * 2 + '{"label": 2.5}\n')
    parts = pa.Table.from_batches(formats.batches(path, ["label"]))
    assert parts["label"].to_pylist() == [2.0**53, 2.0**53, 2.5]


def test_what_json_holds_beside_the_columns_does_no_harm(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_text('\ufeff{"label": 7, "extra": 1}\n{"label": "bug", "extra": "x"}\n{"extra": [[1], {}]}\n')
    assert list(read_strings(path, ["label"])["label"]) == ["7", "bug", None]


def test_a_header_alone_has_no_rows(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\n")
    assert len(read_strings(path, ["label"])["label"]) == 0
