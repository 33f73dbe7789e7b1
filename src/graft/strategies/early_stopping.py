"""Early stopping that lets every phase begin, and says why a training ended."""

import logging
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from graft.errors import many

log = logging.getLogger(__name__)


class EarlyStoppingInLastPhase(EarlyStopping):
    """Lightning's early stopping, which begins to look when the strategy's last phase does.

    The phases before have the lengths that the strategy gives them: what they prepare, such as a head for the stages
    below it, may have been learnt long before they end.
    """

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tells in which epoch it has stopped the training, if it has."""
        super().on_train_end(trainer, pl_module)
        if self.stopped_epoch:
            log.info(
                "stopped after epoch %d, as %s has not improved in %s (callbacks.early_stopping)",
                *(self.stopped_epoch + 1, self.monitor, many(self.patience, "validation")),
            )

    def _should_skip_check(self, trainer: pl.Trainer) -> bool:
        if super()._should_skip_check(trainer):  # outside of a training there may be no phases at all
            return True
        strategy: Any = trainer.lightning_module.strategy
        return bool(strategy.phase_at(trainer.current_epoch) < len(strategy.phases) - 1)
