"""Texts as canonical samples."""

import hashlib
from collections.abc import Callable, Iterable
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


def exact_digests(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Returns hashes (texts,) of texts as they are, case and white space included."""
    contents = (text.encode("utf-8", "surrogatepass") for text in texts)
    return np.array([int.from_bytes(hashlib.blake2b(each, digest_size=8).digest()) for each in contents], np.uint64)


def digest(text: str) -> int:
    """Returns a hash of the normalised text, 64 bits."""
    content = normalised(text).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())


def digests(load: Callable[[int], str], count: int) -> NDArray[np.uint64]:
    """Returns hashes (count,) of the normalised texts."""
    return np.array([digest(load(row)) for row in range(count)], dtype=np.uint64)
