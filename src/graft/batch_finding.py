"""The largest batch that trains without running out of memory, or the one that trains fastest."""

import gc
import logging
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress
from rich.table import Table

from graft.errors import GraftError, many
from graft.rehearsals.memory import free, is_out_of_memory, measured
from graft.rehearsals.watching import Speed
from graft.rehearsing import Rehearsal
from graft.reports.terminal import rendered
from graft.runs.signals import SignalHandler
from graft.strategies import Strategy

log = logging.getLogger(__name__)

_NEAR = 0.95  # of the best pace


class Tried(NamedTuple):
    """A size that went well: batches of so many samples, samples per second, bytes that it took."""

    size: int
    per_second: float
    bytes: int


def find_batch_size(cfg: DictConfig, handler: SignalHandler) -> dict[str, Any]:
    """Trains some steps with batches that double, in the phase that takes most, until memory or samples run out.

    On a GPU running out is an error, after which one can go on. On a CPU it is none: the system ends some process. So
    there a size is not tried where twice what half of it took is more than a share of what is free.

    Returns:
        `chosen`, and how it was found: `before`, `rule`, `phase`, `sizes`, `per_second`, `bytes`, and what `ended` it.

    Raises:
        GraftError: Not even the smallest batch will do.
    """
    settings = cfg.find.batch_size
    rehearsal = Rehearsal(cfg, handler)
    phase = _widest(rehearsal.strategy)
    rehearsal.take_phase(phase)
    tried, ended = _doubled(rehearsal, settings)
    chosen = chosen_of(tried, settings.rule)
    log.info("%s", rendered(_table(tried)))
    log.info("phase %d, up to %s: datamodule.batch_size=%d, the %s", phase + 1, ended, chosen, settings.rule)
    return {
        "chosen": chosen,
        "before": cfg.datamodule.batch_size,
        "rule": settings.rule,
        "phase": phase + 1,
        "ended": ended,
        "sizes": [each.size for each in tried],
        "per_second": [each.per_second for each in tried],
        "bytes": [each.bytes for each in tried],
    }


def chosen_of(tried: list[Tried], rule: str) -> int:
    """Returns the size that a rule takes: the largest, or "fastest", the smallest whose pace is near the best."""
    best = max(each.per_second for each in tried)
    near = [each.size for each in tried if each.per_second >= _NEAR * best]
    return near[0] if rule == "fastest" else tried[-1].size


def _widest(strategy: Strategy) -> int:
    """The phase in which gradients flow deepest, and of those that in which most stages learn: it takes most memory."""

    def takes(number: int) -> tuple[int, int]:
        learning = strategy.learning(number)
        return -min(strategy.stages.index(name) for name in learning), len(learning)

    return max(range(len(strategy.phases)), key=takes)


def _doubled(rehearsal: Rehearsal, settings: DictConfig) -> tuple[list[Tried], str]:
    """Returns the sizes that went well, ascending, and what no larger one was tried for."""
    sizes, bound = _sizes(len(rehearsal.datamodule.splits["train"]), settings)
    tried: list[Tried] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("batch size", total=len(sizes))
        for size in sizes:
            progress.update(task, description=f"batch size {size}")
            if tried and rehearsal.device == "cpu" and not _has_room(size, tried[-1], settings.memory):
                return tried, "the free memory"
            done = _tried(rehearsal, size, settings.steps)
            if done is None and not tried:
                raise GraftError(
                    f"find.batch_size: the memory has no room for {many(size, 'sample')}. Lower find.batch_size.lowest,"
                    " train fewer stages (strategy=…), take a smaller backbone or smaller images, or trainer.precision="
                    "bf16-mixed."
                )
            if done is None:
                return tried, "the memory"
            tried.append(done)
            progress.advance(task)
    return tried, bound


def _sizes(samples: int, settings: DictConfig) -> tuple[list[int], str]:
    """Returns the sizes to try, and what bounds them."""
    bounds = {f"find.batch_size.batches={settings.batches}": samples // settings.batches}
    if settings.highest is not None:
        bounds[f"find.batch_size.highest={settings.highest}"] = settings.highest
    bound = min(bounds, key=lambda name: bounds[name])
    sizes, size = [], settings.lowest
    while size <= bounds[bound]:
        sizes.append(size)
        size *= 2
    if not sizes:
        raise GraftError(
            f"find.batch_size.lowest={settings.lowest} is too many samples: {bound} allows {bounds[bound]}, the"
            f" training split has {samples}."
        )
    return sizes, bound


def _has_room(size: int, before: Tried, share: float) -> bool:
    needed = before.bytes * size / before.size
    if needed <= share * free():
        return True
    log.info("batches of %d might take %s, %s are free: not tried", size, decimal(int(needed)), decimal(free()))
    return False


def _tried(rehearsal: Rehearsal, size: int, steps: int) -> Tried | None:
    """Trains with batches of a size; None where memory does not suffice."""
    speed = Speed()
    datamodule = rehearsal.datamodule
    datamodule.batch_size = size
    rows = datamodule.splits["train"]
    if datamodule.lengths is not None and datamodule.epochs_of_inputs("train", 1):
        # Of texts, the longest take most, and all of them will be in one batch some time.
        datamodule.splits["train"] = rows[(-datamodule.lengths[rows]).argsort(kind="stable")[:size]]
    try:
        with measured(rehearsal.device) as growth:
            rehearsal.train(steps, speed)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None
    finally:
        datamodule.splits["train"] = rows
        if rehearsal.device != "cpu":
            gc.collect()  # what an error still held
        if rehearsal.device == "cuda":
            torch.cuda.empty_cache()
    return Tried(size, size * speed.batches_per_second(), growth.bytes)


def _table(tried: list[Tried]) -> Table:
    table = Table()
    for column in ("batch size", "samples per second", "memory"):
        table.add_column(column, justify="right")
    for each in tried:
        table.add_row(str(each.size), f"{each.per_second:.1f}", decimal(each.bytes))
    return table
