"""Samples of sets that other libraries hold, part after part: what their tables have in common."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from rich.progress import track
from torch import Tensor

from graft.data import images
from graft.data.table import Rows, unknown
from graft.data.texts import digest


@dataclass(frozen=True)
class Parts:
    """Loads the sample of a row, over several sets one after the other; picklable where they are.

    Attributes:
        sets: Each takes an index and returns a picture, as Pillow or a tensor has it, or a text.
        starts: The first row of each.
    """

    sets: list[Callable[[int], Any]]
    starts: list[int]

    def __call__(self, row: int) -> Any:
        """Returns the canonical sample."""
        number = self._number(row)
        return as_canonical(self.sets[number](row - self.starts[number]))

    def encoded(self, row: int) -> bytes | str | None:
        """Returns the sample as its set stores it; None where the set does not say."""
        number = self._number(row)
        own: Callable[[int], bytes | str | None] = getattr(self.sets[number], "encoded", unknown)
        return own(row - self.starts[number])

    def _number(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1


def as_canonical(sample: Any) -> Any:
    """Returns a text as it is and a picture as uint8 (3, H, W).

    Raises:
        ValueError: It is neither.
    """
    if isinstance(sample, str):
        return sample
    if isinstance(sample, Image.Image):
        return images.canonical(sample)
    if isinstance(sample, Tensor) and sample.ndim == 3 and not sample.is_floating_point():
        return sample.expand(3, -1, -1).contiguous()
    if sample is None:
        raise ValueError("there is none")
    raise ValueError(f"neither a picture nor a text: {type(sample).__name__}")


def starts(lengths: Sequence[int]) -> list[int]:
    """Returns the row at which each part begins."""
    return [0, *np.cumsum(lengths[:-1]).tolist()]


def rows_of(splits: Sequence[str | None], lengths: Sequence[int]) -> dict[str, Rows]:
    """Returns the rows of the parts that are splits."""
    return {
        split: np.arange(start, start + length)
        for split, start, length in zip(splits, starts(lengths), lengths, strict=True)
        if split is not None and length
    }


def contents(load: Parts, count: int, name: str) -> tuple[dict[str, Any], dict[int, str]]:
    """Reads each sample once.

    Returns:
        The columns of a table that describe samples, (count, …): sizes or lengths, and digests; and by row, why a
        sample cannot be used.
    """
    sizes, lengths = np.zeros((count, 2), dtype=np.int64), np.zeros(count, dtype=np.int64)
    hashes = np.zeros(count, dtype=np.uint64)
    bad: dict[int, str] = {}
    for row in track(range(count), f"reading {name}", transient=True):
        try:
            sample = load(row)
        except (ValueError, OSError) as error:
            bad[row] = str(error)
            continue
        if isinstance(sample, str):
            lengths[row], hashes[row] = len(sample), digest(sample)
            if not sample.strip():
                bad[row] = "the text is empty"
        else:
            sizes[row] = sample.shape[2], sample.shape[1]
            content = f"{tuple(sample.shape)} ".encode() + sample.numpy().tobytes()
            hashes[row] = int(hashlib.blake2b(content, digest_size=8).hexdigest(), 16)
    described = {"lengths": lengths} if lengths.any() else {"sizes": sizes}
    return {**described, "digests": hashes}, bad
