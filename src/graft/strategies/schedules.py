"""Learning-rate schedules: they scale the rates that they find in the parameter groups.

Each takes the optimizer and the number of optimizer steps of the whole training, None where nobody knows it, and
returns what Lightning calls an `lr_scheduler_config`.
"""

import math
import sys
from typing import Any, Literal

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from graft.errors import ConfigError

_NEVER = sys.maxsize  # epochs from one look of Lightning's to the next


def constant(optimizer: Optimizer, total_steps: int | None) -> dict[str, Any]:
    """Keeps the rates."""
    return {"scheduler": LambdaLR(optimizer, lambda _: 1.0), "interval": "step"}


def cosine(optimizer: Optimizer, total_steps: int | None, warmup: float) -> dict[str, Any]:
    """Rises linearly for the share `warmup` of all steps, then falls along half a cosine to zero.

    Source: SGDR (Loshchilov & Hutter, ICLR 2017), equation 5, one period, after a linear warm-up.
    """
    total_steps = _known(total_steps)
    rising = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, total_steps - rising))))

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def triangular(optimizer: Optimizer, total_steps: int | None, warmup: float, ratio: float) -> dict[str, Any]:
    """Rises linearly for the share `warmup` of all steps from 1 / `ratio`, then falls linearly back to it.

    Source: slanted triangular rates (Howard & Ruder, ACL 2018, equation 3).
    """
    total_steps = _known(total_steps)
    rising = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        share = step / rising if step < rising else 1 - (step - rising) / max(1, total_steps - rising)
        return (1 + max(0.0, share) * (ratio - 1)) / ratio

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def one_cycle(optimizer: Optimizer, total_steps: int | None, warmup: float, start: float, end: float) -> dict[str, Any]:
    """Rises along half a cosine from `start` to 1 times the rate for the share `warmup` of all steps, falls to `end`.

    Source: the 1cycle policy (Smith & Topin, 2018), with cosines as in fastai; momentum stays as it is.
    """
    total_steps = _known(total_steps)
    rising = max(1, round(warmup * total_steps))

    def factor(step: int) -> float:
        if step < rising:
            return _cosine(start, 1.0, step / rising)
        return _cosine(1.0, end, min(1.0, (step - rising) / max(1, total_steps - rising)))

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def step(optimizer: Optimizer, total_steps: int | None, at: list[float], factor: float) -> dict[str, Any]:
    """Multiplies the rates by `factor` at each of the shares `at` of all steps."""
    falls = [round(share * _known(total_steps)) for share in at]
    scheduler = LambdaLR(optimizer, lambda now: factor ** sum(now >= fall for fall in falls))
    return {"scheduler": scheduler, "interval": "step"}


def exponential(optimizer: Optimizer, total_steps: int | None, factor: float) -> dict[str, Any]:
    """Multiplies the rates by `factor` from the first step to the last, exponentially: those of a range test."""
    last = max(1, _known(total_steps) - 1)
    return {"scheduler": LambdaLR(optimizer, lambda step: factor ** (step / last)), "interval": "step"}


def _known(total_steps: int | None) -> int:
    if total_steps is None:
        raise ConfigError(
            "The schedule of the learning rate stretches over the whole training, but trainer.max_epochs and"
            " trainer.max_steps set it no end: set one of them, or scheduler=constant or plateau."
        )
    return total_steps


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def plateau(
    optimizer: Optimizer, total_steps: int | None, monitor: str, mode: str, factor: float, patience: int
) -> dict[str, Any]:
    """Multiplies the rates by `factor` when `monitor` has not improved for `patience` looks."""
    direction: Literal["min", "max"] = "max" if mode == "max" else "min"
    # eps: else torch leaves rates below 1e-8 as they are, and decay by layers goes that deep
    scheduler = ReduceLROnPlateau(optimizer, mode=direction, factor=factor, patience=patience, eps=0.0)
    return {"scheduler": scheduler, "interval": "epoch", "frequency": _NEVER, "monitor": monitor}


class LooksAtValidation(Callback):
    """Lets a plateau schedule look at each validation, before a checkpoint is written.

    Lightning does it after, and does not make up for it: a run that goes on from the checkpoint would lose a look.
    """

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Looks.

        Raises:
            ConfigError: There is no such metric.
        """
        plateaus = [config for config in trainer.lr_scheduler_configs if config.frequency == _NEVER]
        for config in plateaus if not trainer.sanity_checking else []:
            if config.monitor not in trainer.callback_metrics:
                raise ConfigError(f"scheduler.monitor={config.monitor} is not among what is validated.")
            scheduler: Any = config.scheduler
            scheduler.step(trainer.callback_metrics[config.monitor])
