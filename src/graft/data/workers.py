"""How many processes load samples: from the cores, and from what loading is measured to cost here."""

import logging
import math
import os
import time

from graft.data.samples import AnySamples, FeatureSamples, Scheduled
from graft.data.sampling import Draw

log = logging.getLogger(__name__)

_MOST = 8
_WANTED = 0.025  # seconds between batches: few networks take them faster
_HANDED_OVER = 0.01  # seconds: what loads faster than this gains nothing by a process, which must send what it loads
_MEASURED = 8  # samples at most,
_SECONDS = 0.5  # and no longer than this after the first


def loader_processes(dataset: AnySamples, batch_size: int, training_processes: int = 1) -> int:
    """Returns how many loader processes are worth having, 0: samples are loaded between the steps.

    Loads a few samples to see what they cost.

    Args:
        dataset: What they would load.
        batch_size: Samples of a batch of this process.
        training_processes: That share the cores of this machine.
    """
    seconds = batch_size * _seconds_of_a_sample(dataset)
    if seconds < _HANDED_OVER:
        return 0
    count = min(math.ceil(seconds / _WANTED), free_cores(training_processes))
    log.info("loading a batch of %d takes %.0f ms; loader processes: %d", batch_size, 1000 * seconds, count)
    return count


def free_cores(training_processes: int = 1) -> int:
    """Returns how many cores each of the training processes may have for loading when it keeps one, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(0, min(_MOST, cores // training_processes - 1))


def _seconds_of_a_sample(dataset: AnySamples) -> float:
    if isinstance(dataset, FeatureSamples):
        return 0.0
    if isinstance(dataset, Scheduled):
        return max(_seconds_of_a_sample(part) for _, part in dataset.parts)
    dataset.__getitems__([Draw(0, 0)])  # opens archives, imports decoders
    started = time.perf_counter()
    for count in range(1, _MEASURED + 1):
        dataset.__getitems__([Draw(0, count % len(dataset))])
        if (passed := time.perf_counter() - started) > _SECONDS:
            break
    return passed / count
