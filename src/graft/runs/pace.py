"""What a training step takes its time for: waiting for the batch, or computing with it."""

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class Pace(Callback):
    """Measures and logs, epoch by epoch, `pace/data_wait` and `pace/step`, in seconds.

    Batches are prepared while steps run: what is waited for is what that does not hide. On a GPU a step ends when its
    work is queued, and whatever asks for a result waits for it.

    Attributes:
        seconds: In all, of this session.
    """

    def __init__(self) -> None:
        self.seconds = {"data_wait": 0.0, "step": 0.0}
        self._epoch = dict(self.seconds)
        self._mark = 0.0

    def on_train_epoch_start(self, *_: Any) -> None:
        """Begins to wait for the first batch."""
        self._epoch = dict.fromkeys(self._epoch, 0.0)
        self._mark = time.perf_counter()

    def on_train_batch_start(self, *_: Any) -> None:
        """Has waited for the batch."""
        self._add("data_wait")

    def on_train_batch_end(self, *_: Any) -> None:
        """Has computed with it."""
        self._add("step")

    def on_validation_end(self, *_: Any) -> None:
        """Waits for the next batch only from here on."""
        self._mark = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs what the epoch took, on the average of the processes."""
        for name, value in self._epoch.items():
            pl_module.log(f"pace/{name}", value, sync_dist=trainer.world_size > 1)

    def _add(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] += now - self._mark
        self._epoch[name] += now - self._mark
        self._mark = now
