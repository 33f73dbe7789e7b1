"""Features or images of given samples: what is kept is taken, what is missing is computed, once by all processes."""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from graft.features.parts import Digests, Part, index_of, positions_in
from graft.features.store import Store

log = logging.getLogger(__name__)

_BYTES, _SAMPLES = 64 * 2**20, 4096  # of a part at most: what is held in memory, and what a kill may lose
_PAUSE = 0.3  # seconds between looks at what other processes do


class Compute(Protocol):
    """Computes what is to be kept of the samples at some positions, in that order, and says of each batch how many."""

    def __call__(self, positions: NDArray[np.int64], advance: Callable[[int], None]) -> Tensor:
        """Returns `(positions, …)`."""


def parts_with(
    samples: Digests, store: Store | None, bytes_of_one: int | NDArray[np.int64], compute: Compute
) -> list[Part]:
    """Returns parts that hold the features, or the images, of all samples.

    Args:
        samples: (n,) hashes of contents; equal ones are computed once.
        store: Where they are kept; None: features, in memory.
        bytes_of_one: Size of what is kept of a sample, or of each, (n,), ascending.
        compute: For what is missing.

    Raises:
        NotKept: See `Store`.
    """
    parts = [] if store is None else store.parts()
    holds = "features" if store is None else store.holds
    positions = missing(samples, parts)
    if not len(positions):
        log.info("%s of all %d samples are known: nothing is computed", holds, len(samples))
        return parts
    started = time.monotonic()
    sizes = np.broadcast_to(bytes_of_one, samples.shape)[positions]
    if store is not None:
        store.check_room(int(sizes.sum()))
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(holds, total=len(positions))
        chunks = _chunks(positions, sizes)

        def computed(chunk: NDArray[np.int64]) -> Tensor:
            return compute(chunk, lambda count: progress.advance(task, count))

        if store is None:
            parts += [Part(samples[chunk], computed(chunk)) for chunk in chunks]
        else:
            parts += _made_by_all(samples, chunks, store, computed)
    seconds = time.monotonic() - started
    log.info("%s of %d samples: %d of them new, in %.1f s", holds, len(samples), len(positions), seconds)
    return parts


def _chunks(positions: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cuts positions into parts, in which each sample takes as much room as the last and largest."""
    chunks, start = [], 0
    while start < len(positions):
        room = np.arange(1, _SAMPLES + 1)[: len(positions) - start] * sizes[start : start + _SAMPLES]
        end = start + max(1, int(np.searchsorted(room, _BYTES, side="right")))
        chunks.append(positions[start:end])
        start = end
    return chunks


def _made_by_all(
    samples: Digests, chunks: list[NDArray[np.int64]], store: Store, compute: Callable[[NDArray[np.int64]], Tensor]
) -> list[Part]:
    """Computes each chunk that no other process is at, then takes what the others have made."""
    parts: list[Part] = []
    pending = deque(chunks)
    turns = 0  # since there was anything to do or to take
    while pending:
        chunk = pending.popleft()
        part = store.made(samples[chunk], lambda: compute(chunk))  # noqa: B023 - called at once
        if part is not None:
            parts.append(part)
            turns = 0
            continue
        pending.append(chunk)
        turns += 1
        if turns == len(pending):
            log.info("another process computes the %s that are missing; waiting for it", store.holds)
        if turns >= len(pending):
            time.sleep(_PAUSE)
    return parts


def missing(samples: Digests, parts: list[Part]) -> NDArray[np.int64]:
    """Returns the positions of samples that are in no part, ascending, of equal ones the first."""
    distinct, first = np.unique(samples, return_index=True)
    unknown: NDArray[np.int64] = np.sort(first[positions_in(index_of(parts)[0], distinct) < 0])
    return unknown
