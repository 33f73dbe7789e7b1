"""Columns of a table file: CSV, TSV, JSON lines or Parquet, read in parts, so that the file may be of any size."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from graft.errors import GraftError, did_you_mean

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

_BLOCK = 1 << 22  # bytes of a text file that are read at once, and several ahead; no row may be longer


@dataclass(frozen=True)
class StoredTexts:
    """One column of texts in a file of the cache, mapped into memory; picklable.

    Attributes:
        path: an Arrow file with the texts in its first column.
    """

    path: Path

    def __call__(self, row: int) -> str:
        """Returns the text of a row."""
        part = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[part - 1]) if part else 0
        return str(self._parts[part][row - start].as_py())

    @cached_property
    def _parts(self) -> list[pa.Array]:
        reader = pa.ipc.open_file(pa.memory_map(str(self.path)))
        return [reader.get_batch(number).column(0) for number in range(reader.num_record_batches)]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(part) for part in self._parts])

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the open file out."""
        return {"path": self.path}


def check_columns(path: Path, wanted: Sequence[str]) -> None:
    """Makes sure that a table file is there and has the columns.

    Raises:
        GraftError: it is not, is of an unknown format, or lacks one; names the nearest column.
    """
    names = column_names(path)
    for name in wanted:
        if name not in names:
            raise GraftError(
                f"{path} has no column {name!r}.{did_you_mean(name, names)} Its columns are: {', '.join(names)}."
            )


def column_names(path: Path) -> list[str]:
    """Returns the names of the columns.

    Raises:
        GraftError: see `check_columns`.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise GraftError(f"datamodule.path={path} {what}.{did_you_mean(path.name, beside)}")
    if path.stat().st_size == 0:
        raise GraftError(f"{path} is empty (0 bytes).")
    with _in_words(path):
        if _format(path) == "parquet":
            return list(pa.parquet.read_schema(path).names)
        return list(next(_batches(path, None)).schema.names)


def read_strings(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.object_]]:
    """Reads columns as text; None where there is nothing, or what stands for nothing (NaN, NA, null).

    Args:
        path: the file.
        names: of the columns.

    Returns:
        By name, (n,) str or None; numbers and truth values as they are written in Python.

    Raises:
        GraftError: the file is broken, is not UTF-8, or changes the type of a column in its midst.
    """
    check_columns(path, names)
    parts: dict[str, list[NDArray[np.object_]]] = {name: [] for name in names}
    first = 0
    for batch in _read(path, names):
        for name in names:
            strings = _as_strings(path, name, batch.column(name), first)
            strings[[text is not None and text.lower() in _NOTHING for text in strings]] = None
            parts[name].append(strings)
        first += batch.num_rows
    return {name: np.concatenate(part) if part else np.empty(0, object) for name, part in parts.items()}


def store_texts(path: Path, name: str) -> tuple[StoredTexts, NDArray[np.int64]]:
    """Copies a column of texts into the cache, where each can be read on its own; does nothing the second time.

    Returns:
        The texts, and how many characters each has, (n,); 0 where there is nothing.

    Raises:
        GraftError: see `read_strings`; or the cache cannot be written.
    """
    check_columns(path, [name])
    target = _stored(path, name)
    if not target.is_file():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, name, target)
        except OSError as error:
            raise GraftError(
                f"The texts of {path} cannot be kept in {target.parent}: {error.strerror or error}. Make room, or set"
                " the environment variable XDG_CACHE_HOME to another folder."
            ) from error
    reader = pa.ipc.open_file(pa.memory_map(str(target)))
    parts = (reader.get_batch(number) for number in range(reader.num_record_batches))
    lengths = [part.column(1).to_numpy() for part in parts]
    return StoredTexts(target), np.concatenate(lengths) if lengths else np.empty(0, np.int64)


def _copy(path: Path, name: str, target: Path) -> None:
    # The lengths beside the texts: to count the characters anew would bring all texts into memory.
    schema = pa.schema([pa.field(name, pa.string()), pa.field("characters", pa.int64())])
    first = 0
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        temporary = Path(file.name)
    try:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in _read(path, [name]):
                texts = _as_strings(path, name, batch.column(name), first)
                first += len(texts)
                present = ["" if text is None else text for text in texts]
                columns = [pa.array(present, pa.string()), pa.array(map(len, present), pa.int64())]
                writer.write_batch(pa.record_batch(columns, schema=schema))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _stored(path: Path, name: str) -> Path:
    stat = path.stat()
    key = f"2\n{path.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}\n{name}"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "graft" / "texts" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.arrow"


def _read(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _in_words(path):
        yield from _batches(path, list(names))


def _batches(path: Path, names: list[str] | None) -> Iterator[pa.RecordBatch]:
    kind = _format(path)
    if kind == "parquet":
        with pa.parquet.ParquetFile(path, memory_map=True) as file:
            yield from file.iter_batches(batch_size=10_000, columns=names)
    elif kind == "jsonl":
        options = pa.json.ReadOptions(block_size=_BLOCK, use_threads=False)
        yield from pa.json.open_json(path, read_options=options)
    else:
        parse = pa.csv.ParseOptions(delimiter="\t" if kind == "tsv" else ",", newlines_in_values=True)
        # As bytes: what is not UTF-8 is told with its row, and a column of numbers is not of two types in two parts.
        types = {name: pa.binary() for name in names or ()}
        convert = pa.csv.ConvertOptions(include_columns=names, column_types=types, check_utf8=False)
        read = pa.csv.ReadOptions(block_size=_BLOCK, use_threads=False)
        yield from pa.csv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert)


def _format(path: Path) -> str:
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise GraftError(f"{path}: tables are read from {', '.join(SUFFIXES)} files.") from None


_NOTHING = frozenset({"", "nan", "na", "n/a", "null", "<na>"})  # in lower case


def _as_strings(path: Path, name: str, column: pa.Array, first: int) -> NDArray[np.object_]:
    values = np.empty(len(column), dtype=object)
    for number, value in enumerate(column.to_pylist()):
        if isinstance(value, bytes):
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise GraftError(
                    f"{path}, row {first + number + 1}, column {name!r}: not UTF-8 (byte "
                    f"{error.object[error.start]:#04x} at {error.start}). Convert the file, e.g. iconv -f latin1."
                ) from error
        values[number] = None if value is None or value != value else _written(value)
    return values


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of whole numbers with gaps comes as floats
    return str(value).strip()


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        said = str(error).splitlines()[0]
        if "straddling object" in said:
            said = f"a row is longer than {_BLOCK >> 20} MiB, or a quotation mark is never closed"
        raise GraftError(f"{path} cannot be read as {_format(path)}: {said}") from error
