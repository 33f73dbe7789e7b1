"""Shards of a datamodule: each split in chunks of its own, and what is known of the samples beside them."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from graft.data import images
from graft.data.checks import settle
from graft.data.chunks import checksum
from graft.data.datamodule import DataModule
from graft.data.shards import SAMPLES, Placing, save_manifest, save_samples
from graft.data.splits import SPLITS
from graft.data.table import BadFile, unknown
from graft.errors import GraftError


def write_shards(datamodule: DataModule, folder: Path, chunk_bytes: int, source: dict[str, Any]) -> dict[str, int]:
    """Writes shards of all splits, the table of their samples, and last the manifest.

    Args:
        datamodule: set up.
        folder: empty.
        chunk_bytes: of a chunk.
        source: for the manifest.

    Returns:
        By split, the number of samples.

    Raises:
        GraftError: Samples cannot be read (any more), and `bad_files` is "error".
    """
    table, splits = datamodule.table, datamodule.splits
    placed: dict[int, tuple[int, int, int]] = {}  # by row: split, position, checksum
    bad: list[BadFile] = []
    progress = iter(_shown(sum(map(len, splits.values()))))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "An item was larger than the target chunk size")
        for number, name in enumerate(SPLITS):
            writer = _Writer(folder / name, chunk_bytes)
            for row in splits[name].tolist():
                next(progress)
                try:
                    placed[row] = number, *writer.add(_encoded(table.load, row))
                except (OSError, ValueError) as error:  # it was found good just before, and has changed since
                    bad.append(BadFile(table.ids[row], getattr(error, "strerror", None) or str(error)))
            writer.close()
    next(progress, None)
    settle(bad, len(placed) + len(bad), "the splits", datamodule.bad_files)
    rows = np.array(sorted(placed), dtype=np.int64)
    split, position, checksums = np.array([placed[row] for row in rows.tolist()], dtype=np.int64).T
    placing = Placing(split.astype(np.int8), position, checksums.astype(np.uint32))
    save_samples(folder / SAMPLES, table, rows, placing)
    samples_are = "texts" if isinstance(table.load(int(rows[0])), str) else "images"
    save_manifest(folder, replace(table, skipped=[*table.skipped, *bad]), placing, source, samples_are)
    return {name: len(rows) for name, rows in placing.given().items()}


def _shown(total: int) -> Iterator[int]:
    return iter(track(range(total), "writing shards", transient=True))


class _Writer:
    """Writes the samples of one split."""

    def __init__(self, folder: Path, chunk_bytes: int) -> None:
        """Begins an empty folder.

        Args:
            folder: for the chunks and their index.
            chunk_bytes: of a chunk; one that holds a larger sample is larger.
        """
        from litdata.streaming import Cache

        self._cache = Cache(str(folder), chunk_bytes=chunk_bytes)
        self._name = folder.name
        self._count = 0

    def add(self, stored: bytes | str) -> tuple[int, int]:
        """Adds a sample; returns its position and its checksum."""
        self._cache[self._count] = stored
        self._count += 1
        return self._count - 1, checksum(stored)

    def close(self) -> None:
        """Writes the last chunk and the index.

        Raises:
            GraftError: there are no samples.
        """
        if not self._count:
            raise GraftError(f"None of the samples of {self._name} can be read.")
        self._cache.done()
        self._cache.merge()


def _encoded(load: Callable[[int], Any], row: int) -> bytes | str:
    """Returns a sample as it is stored: a text; the image's own file where there is one; else PNG, which loses nothing.

    Raises:
        GraftError: it is neither a text nor an image.
    """
    stored: bytes | str | None = getattr(load, "encoded", unknown)(row)
    if stored is not None:
        return stored
    sample = load(row)
    if isinstance(sample, str):
        return sample
    if not getattr(sample, "shape", ())[:1] == (3,):
        raise GraftError(f"graft shard writes images and texts, and a sample is neither: {type(sample).__name__}.")
    return images.as_png(sample)
