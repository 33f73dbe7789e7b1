"""Samples that occur in two splits: then a test holds what was learnt from, and its number flatters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.data.splits import SPLITS
from graft.data.table import Rows

Bits = NDArray[np.uint64]

_NEAR = 2  # of 64 bits of a perceptual hash
_BANDS = 4  # hashes that differ in fewer bits than there are bands have a band in common


@dataclass(frozen=True)
class Duplicates:
    """Rows of a split that another split, named before it, has too.

    Attributes:
        exact: pairs of rows (n, 2), the first in the earlier split: the same content.
        near: likewise: they look alike.
    """

    exact: NDArray[np.int64]
    near: NDArray[np.int64]


def find_duplicates(splits: Mapping[str, Rows], digests: Bits | None, looks: Bits | None) -> Duplicates:
    """Looks for them; a row of the later split is named once, with the first row that it equals.

    Args:
        splits: by name.
        digests: (n,) hashes of the contents; None: not known.
        looks: (n,) perceptual hashes; None: there are none.
    """
    order = [splits[name] for name in SPLITS if name in splits]
    rows = np.concatenate(order)
    number = np.concatenate([np.full(len(part), position) for position, part in enumerate(order)])
    exact = _pairs(rows, number, digests, 0)
    near = _pairs(rows, number, looks, _NEAR)
    known = set(map(tuple, exact.tolist()))
    return Duplicates(exact, np.array([pair for pair in near.tolist() if tuple(pair) not in known], int).reshape(-1, 2))


def _pairs(rows: Rows, number: Rows, hashes: Bits | None, most: int) -> NDArray[np.int64]:
    if hashes is None:
        return np.empty((0, 2), dtype=np.int64)
    own = hashes[rows]
    width = 64 // _BANDS
    bands = [own] if most == 0 else [own >> np.uint64(width * band) & np.uint64(2**width - 1) for band in range(_BANDS)]
    first: dict[int, int] = {}  # position of the later row: position of the earlier
    for band in bands:
        for members in _groups(band):
            _compare(members, own, number, most, first)
    return np.array([(rows[early], rows[late]) for late, early in sorted(first.items())], int).reshape(-1, 2)


def _groups(values: Bits) -> list[NDArray[np.int64]]:
    """Positions that have a value in common, two or more."""
    order = values.argsort(kind="stable")
    borders = np.concatenate([[0], np.flatnonzero(np.diff(values[order])) + 1, [len(order)]])
    several = np.flatnonzero(np.diff(borders) > 1)
    return [order[borders[each] : borders[each + 1]] for each in several]


def _compare(members: Rows, hashes: Bits, number: Rows, most: int, first: dict[int, int]) -> None:
    for late in members[number[members] > 0]:
        earlier = members[number[members] < number[late]]
        alike = earlier[np.bitwise_count(hashes[earlier] ^ hashes[late]) <= most]
        if len(alike):
            found = int(alike.min())
            first[int(late)] = min(found, first.get(int(late), found))
