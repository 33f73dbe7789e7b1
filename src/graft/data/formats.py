"""Table files of all formats: CSV, TSV, JSON lines and Parquet, read in parts, so that a file may be of any size."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from graft.data import encodings, json_lines
from graft.data.encodings import NOT_UTF_8, check_utf_16
from graft.data.lines import place
from graft.data.separators import other_separator, separator
from graft.data.suffixes import format_of
from graft.errors import GraftError, did_you_mean, many

log = logging.getLogger(__name__)

_COUNTS = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


def column_names(path: Path) -> list[str]:
    """Returns the names of the columns.

    Raises:
        GraftError: there is no such file, it is empty, or of a format that is not known.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise GraftError(f"datamodule.path={path} {what}.{did_you_mean(path.name, beside)}")
    kind = format_of(path)
    if path.stat().st_size == 0:
        raise GraftError(f"{path} is empty (0 bytes).")
    if kind == "jsonl":
        if not (names := list(dict.fromkeys(name for row in next(json_lines.objects(path)) for name in row))):
            raise GraftError(f"{path} has no rows: each line is to be an object, {{…}}.")
        return names
    with _in_words(path):
        return list((pa.parquet.read_schema(path) if kind == "parquet" else _csv(path, None).schema).names)


def check_columns(path: Path, wanted: Sequence[str], remedy: str = "") -> None:
    """Makes sure that a table file is there and has the columns, each once; a remedy is told where one is not there.

    Raises:
        GraftError: see `column_names`; or columns are not there (names the nearest) or there twice.
    """
    names = column_names(path)
    said = list(dict.fromkeys(wanted))
    told = [
        f"{path} has {names.count(name)} columns {name!r}: rename all but one."
        for name in said
        if names.count(name) > 1
    ]
    if absent := [name for name in said if name not in names]:
        if hint := other_separator(path):
            absent = absent[:1]  # of a header that was not taken apart, all are
        told += [f"{path} has no column {name!r}.{hint}{did_you_mean(name, names)}" for name in absent]
        told.append(f"Its columns are: {', '.join(names)}.{remedy}")
    if told:
        raise GraftError(" ".join(told))


def batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields the columns part by part, each of one type in all parts; those of CSV and TSV as bytes.

    Raises:
        GraftError: the file is broken.
    """
    kind, done = format_of(path), 0
    if kind == "jsonl":
        yield from json_lines.batches(path, names)
        return
    with _in_words(path):
        if kind == "parquet":
            with pa.parquet.ParquetFile(path, memory_map=True) as file:
                yield from file.iter_batches(batch_size=10_000, columns=list(names))
            return
    reader = None
    while True:
        with _in_words(path, done):
            reader = reader or _csv(path, names)
            batch = next(reader, None)
        if batch is None:
            return
        yield batch
        done += batch.num_rows


def _csv(path: Path, names: Sequence[str] | None) -> Any:
    tabs = format_of(path) == "tsv"
    mark = "\t" if tabs else separator(path)
    if mark == ";":
        _tell_of_semicolons(path)
    parse = pa.csv.ParseOptions(
        delimiter=mark,
        quote_char=False if tabs else '"',  # TSV has none (IANA's text/tab-separated-values)
        newlines_in_values=not tabs,
    )
    # As bytes: what is not UTF-8 is told with its line, and a column of numbers is not of two types in two parts.
    types = {name: pa.binary() for name in names or ()}
    convert = pa.csv.ConvertOptions(include_columns=names, column_types=types, check_utf8=False)
    read = pa.csv.ReadOptions(block_size=encodings.BLOCK, use_threads=False)
    return pa.csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert)


@cache
def _tell_of_semicolons(path: Path) -> None:
    log.info("%s: its columns are separated by semicolons", path)


@contextmanager
def _in_words(path: Path, done: int = 0) -> Iterator[None]:
    """Says what is wrong with a file.

    Args:
        path: the file.
        done: rows that were read before.
    """
    try:
        yield
    except UnicodeDecodeError as error:  # of names; cells come as bytes
        raise GraftError(f"{path}: the names of its columns are not UTF-8. {NOT_UTF_8}") from error
    except pa.ArrowInvalid as error:
        check_utf_16(path)
        why = _mended(str(error).splitlines()[0], path, done)
        said = f".{hint}" if (hint := other_separator(path)) else f": {why}"
        raise GraftError(f"{path} cannot be read as {format_of(path)}{said}") from error


def _mended(said: str, path: Path, done: int) -> str:
    """What Arrow says of a file and, as far as that is known, how to mend it."""
    quoted = format_of(path) == "csv"
    if found := _COUNTS.search(said):
        row, header, cells = map(int, found.groups())
        how = "Here a cell holds neither tabs nor line breaks, quoted or not: save such a table as CSV."
        if quoted:
            marks = "semicolons" if separator(path) == ";" else "commas"
            how = f"Put quotation marks around cells that hold {marks} or line breaks, and close each that is opened."
        return f"{place(path, row - 2)} is of {many(cells, 'cell')}, the header of {header}. {how}"
    if "straddling object" in said:
        unclosed = ", or a quotation mark that opens a cell is never closed" if quoted else ""
        above = place(path, done - 1)
        return f"below {above}, a row is longer than {encodings.BLOCK >> 20} MiB{unclosed}. Shorten or mend it."
    return said
