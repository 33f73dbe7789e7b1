"""The learning rate that a range test suggests (Smith, "Cyclical Learning Rates", WACV 2017, section 3.3)."""

import contextlib
import logging
from typing import Any

import numpy as np
from omegaconf import DictConfig, open_dict
from rich.console import Console
from rich.progress import Progress

from graft.errors import ConfigError, NotFiniteError, many
from graft.rehearsals.curve import suggest
from graft.rehearsals.watching import Losses
from graft.rehearsing import Rehearsal
from graft.runs.signals import SignalHandler

log = logging.getLogger(__name__)


def find_rate(cfg: DictConfig, handler: SignalHandler) -> dict[str, Any]:
    """Trains some steps at rates that rise exponentially, and reads from the losses which would do.

    Lightning's own finder sets all parameter groups to one rate, and would lose a strategy's scales by stage; it reads
    the slope over the rate instead of its logarithm, which favours the lowest rates. Here `optimizer.lr` rises, and
    what the strategy and `lr_scaling` make of it.

    Returns:
        `chosen`, and how it was found: `before`, `rule`, `phase`, `rates`, `losses`, `smoothed`.

    Raises:
        GraftError: No rate can be told, see `suggest`; or there is no such phase.
    """
    settings = cfg.find.lr
    rehearsal = Rehearsal(_rising(cfg), handler)
    if settings.phase > len(rehearsal.strategy.phases):
        raise ConfigError(
            f"find.lr.phase={settings.phase}: strategy={cfg.strategy.name} has"
            f" {many(len(rehearsal.strategy.phases), 'phase')}."
        )
    rehearsal.take_phase(settings.phase - 1)
    losses = _losses(rehearsal, settings.steps)
    rates = np.geomspace(settings.low, settings.high, settings.steps).tolist()
    found = suggest(rates, losses, settings.steps, settings.rule)
    if found.is_last:
        log.warning("the training loss still falls at find.lr.high=%g: a larger one may find more", settings.high)
    log.info("phase %d, %s: optimizer.lr=%g", settings.phase, many(len(losses), "step"), found.rate)
    return {
        "chosen": found.rate,
        "before": cfg.optimizer.lr,
        "rule": settings.rule,
        "phase": settings.phase,
        "rates": rates[: len(losses)],
        "losses": losses,
        "smoothed": found.smoothed,
    }


def _rising(cfg: DictConfig) -> DictConfig:
    settings = cfg.find.lr
    cfg = cfg.copy()
    with open_dict(cfg):
        cfg.optimizer.lr = settings.low
        target = "graft.strategies.schedules.exponential"
        cfg.scheduler = {"_target_": target, "_partial_": True, "factor": settings.high / settings.low}
    return cfg


def _losses(rehearsal: Rehearsal, steps: int) -> list[float]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("learning rate", total=steps)
        watch = Losses(lambda: progress.advance(task))
        with contextlib.suppress(NotFiniteError):  # where a test goes on for long enough, it ends so
            rehearsal.train(steps, watch)
    return watch.values
