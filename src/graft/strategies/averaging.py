"""Averages of the weights along the way."""

from functools import partial
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from graft.strategies.sharding import ShardedStages, whole


class MovingAverage(WeightAveraging):
    """Validates, keeps and tests an exponential moving average of the weights and running statistics.

    Until it has `1 / (1 - decay)` steps behind it, it is their plain mean (Polyak & Juditsky, SIAM J. Control Optim.
    30, 1992): Lightning's own moving average would hold on to the untrained head for as long, and a short training
    would end with hardly anything else.

    Args:
        decay: What is kept of the average in a step, in [0, 1).
    """

    def __init__(self, decay: float) -> None:
        super().__init__(avg_fn=partial(_averaged, decay))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Shares the average out among processes as the network is, if it is."""
        average: Any = self._average_model
        if isinstance(trainer.strategy, ShardedStages):
            trainer.strategy.share_out(average.module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Puts the average in the place of the weights, whole."""
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        checkpoint["state_dict"] = whole(checkpoint["state_dict"])


def _averaged(decay: float, average: Tensor, weights: Tensor, steps: Tensor) -> Tensor:
    kept = min(decay, float(steps) / (float(steps) + 1))
    return average + (weights - average) * (1 - kept)
