"""A column of texts in little memory: each text once, and which of them stands in each row."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

NOTHING = frozenset({"", "nan", "null", "<na>"})
"""In lower case; what a cell holds where it holds nothing. `NA` may be a class (Namibia, sodium)."""


@dataclass(frozen=True, eq=False)
class Strings:
    """A column as it is written in Python; iterating yields a str or None for each row.

    Attributes:
        codes: (n,) int32, which of the values; -1 where there is nothing.
        values: each once, in the order in which they come up.
        lists: whether each value is a list of texts, as JSON.
    """

    codes: NDArray[np.int32]
    values: list[str]
    lists: bool = False

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.codes)

    def __iter__(self) -> Iterator[str | None]:
        """Yields what stands in each row."""
        return (None if code < 0 else self.values[code] for code in self.codes)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Where there is something, (n,)."""
        return self.codes >= 0

    def first(self, code: int) -> int:
        """Returns the first row with a value, from 0 on."""
        return int(np.flatnonzero(self.codes == code)[0])

    def array(self) -> NDArray[np.object_]:
        """Returns (n,) str, "" where there is nothing; rows share equal texts."""
        return np.array([*self.values, ""], dtype=object)[self.codes]


class Collector:
    """Makes a column of parts that come one after the other."""

    def __init__(self) -> None:
        self._codes: list[NDArray[np.int32]] = []
        self._numbers: dict[str, int] = {}
        self._lists = False

    def add(self, part: pa.Array) -> None:
        """Takes the next rows.

        Raises:
            UnicodeDecodeError: bytes are not UTF-8.
        """
        if pa.types.is_nested(part.type):
            self._lists = True
            texts = [None if value is None else json.dumps(value, default=str) for value in part.to_pylist()]
            part = pa.array(texts, pa.string())
        encoded = part.dictionary_encode()
        own = np.array([self._number(value) for value in encoded.dictionary.to_pylist()] + [-1], dtype=np.int32)
        self._codes.append(own[encoded.indices.fill_null(-1).to_numpy()])

    def _number(self, value: Any) -> int:
        text = written(value)
        return -1 if text.lower() in NOTHING else self._numbers.setdefault(text, len(self._numbers))

    def strings(self) -> Strings:
        """Returns the column."""
        codes = np.concatenate([np.empty(0, np.int32), *self._codes])
        return Strings(codes, list(self._numbers), self._lists)


def strings(values: list[Any]) -> Strings:
    """Makes a column of plain values, None where there is nothing, or of lists of them."""
    collector = Collector()
    filled = [value for value in values if value is not None]
    if any(isinstance(value, list) for value in filled):
        lists = [None if value is None else [written(each) for each in value] for value in values]
        collector.add(pa.array(lists, pa.list_(pa.string())))
    else:
        collector.add(pa.array([None if value is None else written(value) for value in values], pa.string()))
    return collector.strings()


def written(value: Any) -> str:
    """Returns a cell's value as text, without white space around it.

    Raises:
        UnicodeDecodeError: it is of bytes that are not UTF-8.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of whole numbers with gaps comes as floats
    return str(value).strip()
