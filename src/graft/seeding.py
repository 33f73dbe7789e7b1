"""Randomness that a resumed run repeats exactly."""

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback


class SeedEachStep(Callback):
    """Seeds torch before each training batch from (seed, epoch, batch, process).

    Dropout and the like then do not depend on what was drawn before, so that a run which was stopped anywhere goes on
    to the same weights without any generator's state in its checkpoint.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds the generators of the processor and of this process's device."""
        words = (self._seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        seed = int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])
        # torch.manual_seed would do it for all devices; without a GPU that takes 5 ms, and remembers each call.
        torch.default_generator.manual_seed(seed)
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        elif pl_module.device.type == "mps":
            torch.mps.manual_seed(seed)
