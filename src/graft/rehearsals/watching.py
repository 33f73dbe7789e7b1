"""The Lightning callbacks that look on while steps are rehearsed."""

import math
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

_DIVERGED = 4.0  # times the lowest loss so far: fast.ai's and Lightning's bound
_KEPT = 0.9  # of the running mean in a step


class Losses(Callback):
    """Notes the loss of each optimizer step, and ends the training where it diverges.

    Args:
        advance: Is called after each step.

    Attributes:
        values: Of each step, the mean over its batches.
    """

    def __init__(self, advance: Callable[[], None]) -> None:
        self.values: list[float] = []
        self._advance = advance
        self._batches: list[float] = []
        self._running = 0.0
        self._lowest = math.inf

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Notes the loss once the optimizer has taken its step."""
        self._batches.append(float(outputs["loss"]) * trainer.accumulate_grad_batches)  # Lightning has divided it
        if trainer.global_step == len(self.values):
            return
        self.values.append(sum(self._batches) / len(self._batches))
        self._batches = []
        self._advance()
        trainer.should_stop = self._diverges()

    def _diverges(self) -> bool:
        self._running = _KEPT * self._running + (1 - _KEPT) * self.values[-1]
        mean = self._running / (1 - _KEPT ** len(self.values))
        self._lowest = min(self._lowest, mean)
        return mean > _DIVERGED * self._lowest


class Speed(Callback):
    """Measures how many batches are trained on in a second, without the first, in which memory is allotted."""

    def __init__(self) -> None:
        self._ends: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Notes the time once the device has done its work."""
        float(outputs["loss"])  # waits for it
        self._ends.append(time.perf_counter())

    def batches_per_second(self) -> float:
        """Returns it, after two batches or more."""
        return (len(self._ends) - 1) / max(self._ends[-1] - self._ends[0], 1e-9)
