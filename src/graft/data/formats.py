"""Table files of all formats: CSV, TSV, JSON lines and Parquet, read in parts, so that a file may be of any size."""

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from graft.errors import GraftError, did_you_mean

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

_BLOCK = 1 << 22  # bytes of a text file that are read at once, and several ahead; no row may be longer
_OTHERS = {
    ".xlsx": " Export the sheet as CSV (UTF-8).",
    ".xls": " Export the sheet as CSV (UTF-8).",
    ".ods": " Export the sheet as CSV (UTF-8).",
    ".json": " JSON is read where each line is an object of its own; name such a file .jsonl.",
}
_NOT_UTF_8 = "Convert the file, e.g. iconv -f latin1 -t utf-8."


def column_names(path: Path) -> list[str]:
    """Returns the names of the columns.

    Raises:
        GraftError: there is no such file, it is empty, or of a format that is not known.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise GraftError(f"datamodule.path={path} {what}.{did_you_mean(path.name, beside)}")
    kind = _format(path)
    if path.stat().st_size == 0:
        raise GraftError(f"{path} is empty (0 bytes).")
    with _in_words(path):
        if kind == "parquet":
            return list(pa.parquet.read_schema(path).names)
        return list((_json if kind == "jsonl" else _csv)(path, None).schema.names)


def check_columns(path: Path, wanted: Sequence[str]) -> None:
    """Makes sure that a table file is there and has the columns, each once.

    Raises:
        GraftError: see `column_names`; or a column is not there (names the nearest) or there twice.
    """
    names = column_names(path)
    for name in wanted:
        if name not in names:
            raise GraftError(
                f"{path} has no column {name!r}.{_semicolons(path, names)}{did_you_mean(name, names)} Its columns are:"
                f" {', '.join(names)}."
            )
        if names.count(name) > 1:
            raise GraftError(f"{path} has {names.count(name)} columns {name!r}: rename all but one.")


def batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields the columns part by part; those of CSV and TSV as bytes.

    Raises:
        GraftError: the file is broken, or a column changes its type in its midst.
    """
    kind, done = _format(path), 0
    with _in_words(path):
        if kind == "parquet":
            with pa.parquet.ParquetFile(path, memory_map=True) as file:
                yield from file.iter_batches(batch_size=10_000, columns=list(names))
            return
    reader = None
    while True:
        with _in_words(path, done):
            reader = reader or (_json if kind == "jsonl" else _csv)(path, names)
            batch = next(reader, None)
        if batch is None:
            return
        yield batch
        done += batch.num_rows


def _csv(path: Path, names: Sequence[str] | None) -> Any:
    tabs = _format(path) == "tsv"
    parse = pa.csv.ParseOptions(
        delimiter="\t" if tabs else ",",
        quote_char=False if tabs else '"',  # TSV has none (IANA's text/tab-separated-values)
        newlines_in_values=not tabs,
    )
    # As bytes: what is not UTF-8 is told with its row, and a column of numbers is not of two types in two parts.
    types = {name: pa.binary() for name in names or ()}
    convert = pa.csv.ConvertOptions(include_columns=names, column_types=types, check_utf8=False)
    read = pa.csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    return pa.csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert)


def _json(path: Path, names: Sequence[str] | None) -> Any:  # a RecordBatchReader that the library does not name
    read = pa.json.ReadOptions(block_size=_BLOCK, use_threads=False)
    if names is None:
        return pa.json.open_json(path, read_options=read)
    first = pa.json.open_json(path, read_options=read).schema
    # What looks like a date stays the text that it is.
    fields = [pa.field(name, _as_written(first.field(name).type)) for name in names]
    parse = pa.json.ParseOptions(explicit_schema=pa.schema(fields), unexpected_field_behavior="ignore")
    return pa.json.open_json(path, read_options=read, parse_options=parse)


def _as_written(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_temporal(kind) or pa.types.is_null(kind) else kind


def _format(path: Path) -> str:
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        hint = _OTHERS.get(path.suffix.lower(), "")
        raise GraftError(f"{path}: tables are read from {', '.join(SUFFIXES)} files.{hint}") from None


def _semicolons(path: Path, names: Sequence[str]) -> str:
    if _format(path) != "csv" or len(names) > 1:
        return ""
    marks = {";": "semicolons", "\t": "tabs", "|": "bars"}
    found = next((word for mark, word in marks.items() if mark in names[0]), None)
    return f" It seems to be separated by {found}: save it with commas, or with tabs as .tsv." if found else ""


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
        raise GraftError(f"{path}: the names of its columns are not UTF-8. {_NOT_UTF_8}") from error
    except pa.ArrowInvalid as error:
        if _is_utf_16(path):
            raise GraftError(
                f"{path} is UTF-16, not UTF-8. Convert the file, e.g. iconv -f utf-16 -t utf-8."
            ) from error
        said = str(error).splitlines()[0]
        if "straddling object" in said:
            said = f"a row is longer than {_BLOCK >> 20} MiB, or a quotation mark is never closed"
        # Arrow counts the rows of JSON from 0, in each part anew.
        said = re.sub(r"in row (\d+)$", lambda found: f"in row {done + int(found[1]) + 1}", said)
        raise GraftError(f"{path} cannot be read as {_format(path)}: {said}") from error


def _is_utf_16(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
