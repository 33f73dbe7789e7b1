"""What every source of data comes down to: a table with one row per sample."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""Row numbers of a table."""


class Kind(StrEnum):
    """What targets are."""

    SINGLE_LABEL = "single_label"
    MULTI_LABEL = "multi_label"
    REGRESSION = "regression"


class BadFile(NamedTuple):
    """A file that cannot be read, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Targets:
    """What a task is to know of the targets that it learns from.

    Attributes:
        kind: of the targets.
        classes: names of the classes, labels or values.
        balancing: of classes, weights in proportion to one over the training samples, 1 on their average.
        mean: of values, over the training split.
        std: likewise, more than 0.
    """

    kind: Kind
    classes: list[str]
    balancing: list[float] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    std: list[float] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Table:
    """Samples of any kind (images, texts, sounds), without the samples themselves.

    It travels to the loader processes, so that everything in it can be pickled.

    Attributes:
        ids: one name per row that is the same on every machine, e.g. the path below the root.
        classes: names of the classes, labels or values.
        targets: by kind: (n,) int64, an index into the classes; (n, labels) int64 of 0 and 1; (n, values) float32.
        load: takes a row number and returns the canonical sample (an image: uint8 tensor (3, H, W)).
        strata: (n,) values whose mixture every split shares; the targets or something finer.
        groups: (n,) values; rows of one value stay in one split. None: every row is a group.
        weights: (n,) float32, how much a row counts in the loss, 1 on average. None: all the same.
        lengths: (n,) how long each sample is, in any unit; batches are then of samples of like length. None: all alike.
        sizes: (n, 2), width and height of images in pixels; None: no images.
        digests: (n,) hashes of the contents, by which copies are found; None: not known. Of texts, differences of case
            and white space do not count; of all else, where two are equal, what `load` returns is equal.
        looks: (n,) perceptual hashes of images; None: no images.
        facets: by name, (n,) values by which scores are broken down, such as a domain; they steer nothing.
        allowed: by split, (n,) bool, the rows that it may hold once all are split; a split that is absent holds any.
        given: rows of the splits that the source itself prescribes; empty when it prescribes none.
        skipped: files that were left out because they cannot be read.
        kind: of the targets.
    """

    ids: Sequence[str]
    classes: list[str]
    targets: NDArray[Any]
    load: Callable[[int], Any]
    strata: NDArray[Any]
    groups: NDArray[Any] | None = None
    weights: NDArray[np.float32] | None = None
    lengths: NDArray[np.int64] | None = None
    sizes: NDArray[np.int64] | None = None
    digests: NDArray[np.uint64] | None = None
    looks: NDArray[np.uint64] | None = None
    facets: dict[str, NDArray[Any]] = field(default_factory=dict)
    allowed: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    given: dict[str, Rows] = field(default_factory=dict)
    skipped: list[BadFile] = field(default_factory=list)
    kind: Kind = Kind.SINGLE_LABEL


@dataclass(frozen=True)
class Picked:
    """Loads the samples of some rows; picklable where what loads all rows is.

    Attributes:
        load: takes a row of the file.
        rows: of the file, by row of the table.
    """

    load: Callable[[int], Any]
    rows: Rows

    def __call__(self, row: int) -> Any:
        """Returns the canonical sample of a row of the table."""
        return self.load(int(self.rows[row]))

    def encoded(self, row: int) -> bytes | str | None:
        """Returns the sample as its source stores it; None where that is not known."""
        own: Callable[[int], bytes | str | None] = getattr(self.load, "encoded", unknown)
        return own(int(self.rows[row]))


def unknown(row: int) -> None:
    """Stands in where what loads samples does not know how they are stored."""


@dataclass(frozen=True)
class Placed:
    """Loads the samples of a table's rows where only some of them have been made; picklable where what loads them is.

    Attributes:
        load: takes a position in `rows`.
        rows: of the table, ascending.
    """

    load: Callable[[int], Any]
    rows: Rows

    def __call__(self, row: int) -> Any:
        """Returns what was made of a row of the table."""
        return self.load(int(np.searchsorted(self.rows, row)))


class RowNumbers(Sequence[str]):
    """The numbers of rows as names, "1", "2" …, made when asked for: millions of texts would fill the memory."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        """Returns how many there are."""
        return self._count

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        """Returns the name of a row, or names."""
        if isinstance(row, slice):
            return [str(number + 1) for number in range(self._count)[row]]
        return str(range(self._count)[row] + 1)


class Named(Sequence[str]):
    """The names of some rows.

    Attributes:
        digests: hashes of their contents, (n,); None: not known.
    """

    def __init__(self, ids: Sequence[str], rows: Rows, digests: NDArray[np.uint64] | None = None) -> None:
        self._ids = ids
        self._rows = rows
        self.digests = digests

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self._rows)

    @overload
    def __getitem__(self, position: int) -> str: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[str]: ...
    def __getitem__(self, position: int | slice) -> str | Sequence[str]:
        """Returns the name at a position, or names."""
        if isinstance(position, slice):
            return [self._ids[row] for row in self._rows[position].tolist()]
        return self._ids[int(self._rows[position])]

    def __eq__(self, other: object) -> bool:
        """Compares as lists are compared."""
        return list(self) == other

    __hash__ = None  # type: ignore[assignment]
