import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graft.data.columns import read_strings
from graft.data.lines import place, places

ROWS = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("t.csv", "label\na\nb\nc\n", [2, 3, 4]),
        ("t.csv", "label\r\na\r\nb\r\nc", [2, 3, 4]),
        ("t.csv", "\n\nlabel\na\n\n\nb\nc\n", [4, 7, 8]),
        ("t.csv", 'label,x\na,"two\n\nlines, ""and"" one"\nb,5" pipe\nc,"\n"\n', [2, 5, 6]),
        ("t.csv", 'label;x\na;"two; or\n\nmore, lines"\nb;5" pipe\nc;"\n"\n', [2, 5, 6]),
        ("t.csv", '"la\nbel"\na\nb\nc\n', [3, 4, 5]),
        ("t.csv", "\ufefflabel,x\na,\u2028\x85\x0b\x0c\nb,ä\nc,\n", [2, 3, 4]),
        ("t.tsv", 'label\tx\na\t"\n\nb\t\u2028\nc\t"', [2, 4, 5]),
        ("t.tab", "label\r\na\r\n\r\nb\r\nc\r\n", [2, 4, 5]),
        ("t.jsonl", '{"label": "a"}\n\n{"label": "b", "x": "\u2028"}\n \n{"label": "c"}', [1, 3, 5]),
    ],
)
def test_the_line_is_the_editors(tmp_path: Path, name: str, content: str, lines: list[int]):
    path = tmp_path / name
    path.write_bytes(content.encode())
    column = "la\nbel" if "la\nbel" in content else "label"
    assert list(read_strings(path, [column])[column]) == ROWS  # as Arrow counts rows
    assert places(path, [0, 1, 2]) == [f"line {line}" for line in lines]
    assert place(path, 2) == f"line {lines[2]}"


def test_cells_may_be_long_and_what_else_reads_csv_is_left_alone(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("label\n" + "a" * 200_000 + "\nb\n")
    before = csv.field_size_limit()
    assert place(path, 1) == "line 3"
    assert csv.field_size_limit() == before


def test_without_lines_the_row_is_told(tmp_path: Path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"label": ROWS}), path)
    assert place(path, 1) == "row 2"
    assert place(Path("a/name.csv"), 1) == "row 2"  # a set of the hub's
