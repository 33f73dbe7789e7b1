"""The mean of the weights before and after a training."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from graft.errors import ConfigError


def interpolated(start: Mapping[str, Tensor], end: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Returns `(1 - alpha) * start + alpha * end`, tensor by tensor; running statistics too.

    Where both are equal, so is the mean, to the last bit. Counters are the end's, unless alpha is 0.
    """
    return {
        name: torch.lerp(start[name], value, alpha) if value.is_floating_point() else (value if alpha else start[name])
        for name, value in end.items()
    }


class WiseFT(Callback):
    """Keeps the weights that a training starts from, and afterwards finds the best mean of them and the trained ones.

    Source: Wortsman et al., CVPR 2022, equation 1: the whole state, the head's and the normalisation's included.

    Args:
        alphas: Shares of the trained weights to choose from, in [0, 1].

    The start lies in `start.ckpt` beside the other checkpoints.
    """

    def __init__(self, alphas: Sequence[float]) -> None:
        if not alphas or any(not 0 <= alpha <= 1 for alpha in alphas):
            raise ConfigError(f"callbacks.wise_ft.alphas must be shares from 0 to 1, at least one, got {list(alphas)}.")
        self._alphas = sorted(alphas)

    def choose(
        self,
        start: Mapping[str, Tensor],
        end: Mapping[str, Tensor],
        validate: Callable[[Mapping[str, Tensor]], float],
        mode: str,
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Finds the share that validates best; of equals the nearest to the trained weights.

        Args:
            start: The state before the training.
            end: The state after it.
            validate: Takes a state, returns the monitored metric on the validation split.
            mode: `max` or `min`, which values of it are good.

        Returns:
            The state, and what was found: `chosen`, `alphas` and `values`.
        """
        sign = 1 if mode == "max" else -1
        values = [validate(interpolated(start, end, alpha)) for alpha in self._alphas]
        best = max(range(len(values)), key=lambda number: (sign * values[number], number))
        found = {"chosen": self._alphas[best], "alphas": self._alphas, "values": values}
        return interpolated(start, end, self._alphas[best]), found

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes the start, once: a resumed run has it."""
        path = start_file(trainer)
        if not trainer.strategy.broadcast(path.exists()):  # all processes write together, so that they must agree
            trainer.save_checkpoint(path, weights_only=True)


def start_file(trainer: pl.Trainer) -> Path:
    """Returns where the start lies."""
    return Path(trainer.default_root_dir) / "checkpoints" / "start.ckpt"
