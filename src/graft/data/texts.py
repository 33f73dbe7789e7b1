"""Texts as canonical samples."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Texts:
    """Holds texts and gives them out by row; picklable.

    Attributes:
        texts: by row.
    """

    texts: list[str]

    def __call__(self, row: int) -> str:
        """Returns the canonical sample: the text itself."""
        return self.texts[row]


def normalised(text: str) -> str:
    """Returns the text without differences of case and of white space: texts equal then are taken for one."""
    return " ".join(text.lower().split())


def digests(load: Callable[[int], str], count: int) -> NDArray[np.uint64]:
    """Returns hashes (count,) of the normalised texts."""
    hashes = (hashlib.blake2b(normalised(load(row)).encode("utf-8", "replace"), digest_size=8) for row in range(count))
    return np.array([int(digest.hexdigest(), 16) for digest in hashes], dtype=np.uint64)
