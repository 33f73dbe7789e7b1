"""Where the rows of a table file stand, as an editor shows it."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from graft.data import encodings
from graft.data.separators import separator
from graft.data.suffixes import SUFFIXES


def places(path: Path, rows: Sequence[int]) -> list[str]:
    """Returns in which lines rows begin, "line 7"; "row 6" where there are no lines, as in Parquet, or no file.

    Args:
        path: of the table; read down to the last of the rows.
        rows: numbers from 0 on, ascending.
    """
    lines = _lines(path, rows) if path.is_file() else {}
    return [f"line {lines[row]}" if row in lines else f"row {row + 1}" for row in rows]


def place(path: Path, row: int) -> str:
    """Returns in which line a row begins; see `places`."""
    return places(path, [row])[0]


def _lines(path: Path, rows: Sequence[int]) -> dict[int, int]:
    """Numbers of the lines by row."""
    if (kind := SUFFIXES.get(path.suffix.lower(), "")) not in _ROWS:
        return {}
    wanted, found = set(rows), {}
    # As Latin-1 each byte is a character; marks, quotes and ends of lines are those of UTF-8.
    with path.open(encoding="latin-1", newline="\n" if kind == "jsonl" else "") as file:
        for row, line in enumerate(_ROWS[kind](file), start=0 if kind == "jsonl" else -1):  # -1: the header
            if row in wanted:
                found[row] = line
            if len(found) == len(wanted):
                break
    return found


def _rows_of_csv(file: TextIO) -> Iterator[int]:
    """Yields the lines in which rows begin; a cell in quotation marks may hold further ones."""
    before = csv.field_size_limit(encodings.BLOCK)
    try:
        reader = csv.reader(file, delimiter=separator(Path(file.name)))
        begins = 1
        for cells in reader:
            if cells:  # Arrow passes over empty lines too
                yield begins
            begins = reader.line_num + 1
    except csv.Error:  # beyond what was asked for
        return
    finally:
        csv.field_size_limit(before)


def _rows_of_tsv(file: TextIO) -> Iterator[int]:
    return (number for number, line in enumerate(file, start=1) if line.strip("\r\n"))


def _rows_of_json(file: TextIO) -> Iterator[int]:
    return (number for number, line in enumerate(file, start=1) if line.strip())


_ROWS = {"csv": _rows_of_csv, "tsv": _rows_of_tsv, "jsonl": _rows_of_json}
