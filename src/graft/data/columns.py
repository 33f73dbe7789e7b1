"""Columns of a table file of any size: labels by their values, texts one by one from the cache."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graft.caching.folders import opened
from graft.data.formats import batches, check_columns
from graft.data.lines import place
from graft.data.strings import Collector, Strings, written
from graft.data.texts import digest
from graft.errors import GraftError


@dataclass(frozen=True)
class StoredTexts:
    """One column of texts in a file of the cache, mapped into memory; picklable.

    Attributes:
        path: an Arrow file of texts, and of each the number of characters and a hash.
    """

    path: Path

    def __call__(self, row: int) -> str:
        """Returns the text of a row."""
        part = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[part - 1]) if part else 0
        return str(self._parts[part].column(0)[row - start].as_py())

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Characters of each text, (n,); 0 where there is nothing."""
        return np.concatenate([np.empty(0, np.int64), *(part.column(1).to_numpy() for part in self._parts)])

    @property
    def digests(self) -> NDArray[np.uint64]:
        """Hashes of the texts, (n,); see `graft.data.texts.digest`."""
        return np.concatenate([np.empty(0, np.uint64), *(part.column(2).to_numpy() for part in self._parts)])

    @cached_property
    def _parts(self) -> list[pa.RecordBatch]:
        reader = pa.ipc.open_file(pa.memory_map(str(self.path)))
        return [reader.get_batch(number) for number in range(reader.num_record_batches)]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(part) for part in self._parts])

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the open file out."""
        return {"path": self.path}


def read_strings(path: Path, names: Sequence[str]) -> dict[str, Strings]:
    """Reads columns as text; numbers and truth values as they are written in Python.

    Args:
        path: the file.
        names: of the columns.

    Raises:
        GraftError: the file is broken, is not UTF-8, or changes the type of a column in its midst.
    """
    check_columns(path, names)
    columns = {name: Collector() for name in names}
    first = 0
    for batch in batches(path, names):
        for name, column in columns.items():
            try:
                column.add(batch.column(name))
            except UnicodeDecodeError:
                _texts(path, name, batch.column(name), first)  # finds the line
                raise
        first += batch.num_rows
    return {name: column.strings() for name, column in columns.items()}


def store_texts(path: Path, name: str) -> tuple[StoredTexts, NDArray[np.int64]]:
    """Copies a column of texts into the cache, where each can be read on its own; does nothing the second time.

    Returns:
        The texts, and how many characters each has, (n,); 0 where there is nothing.

    Raises:
        GraftError: see `read_strings`; or there is no place for them, not even for this run.
    """
    check_columns(path, [name])
    folder = opened("texts", _key(path, name), f"The texts of {path}", partial(_copy, path, name))
    stored = StoredTexts(folder / "texts.arrow")
    return stored, stored.lengths


def _copy(path: Path, name: str, folder: Path) -> None:
    # Lengths and hashes beside the texts: to make them anew would bring all texts into memory.
    schema = pa.schema({name: pa.string(), "characters": pa.int64(), "digest": pa.uint64()}.items())
    first = 0
    with pa.OSFile(str(folder / "texts.arrow"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches(path, [name]):
            texts = _texts(path, name, batch.column(name), first)
            first += len(texts)
            columns = [
                pa.array(texts, pa.string()),
                pa.array(map(len, texts), pa.int64()),
                pa.array(map(digest, texts), pa.uint64()),
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _key(path: Path, name: str) -> str:
    stat = path.stat()
    key = f"5\n{path.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}\n{stat.st_ctime_ns}\n{name}"
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _texts(path: Path, name: str, column: pa.Array, first: int) -> list[str]:
    """Texts without white space around them; "" where there is nothing. `first` is the number of the first row."""
    texts = []
    for number, value in enumerate(column.to_pylist()):
        try:
            texts.append("" if value is None or value != value else written(value))
        except UnicodeDecodeError as error:
            raise GraftError(
                f"{path}, {place(path, first + number)}, column {name!r}: not UTF-8 (byte "
                f"{error.object[error.start]:#04x} at {error.start}). Convert the file, e.g. iconv -f latin1 -t utf-8."
            ) from error
    return texts
