"""Stops a training for Ctrl-C or SIGTERM at a point from which it goes on exactly, with a checkpoint of that point."""

import signal
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Checkpoint

from graft.errors import Interrupted
from graft.runs.signals import SignalHandler


class StopOnSignal(Checkpoint):
    """Makes the training loop graceful: a signal stops it after the step, with a checkpoint at `path`.

    Not every step will do. Between two optimizer steps gradients are accumulated, and Lightning goes on from a
    checkpoint of an epoch's last batch without validating; so a stop waits for the optimizer step, and for the
    validation and the end of the epoch where they are due.

    All processes of a distributed training stop together, whichever of them got the signal.

    It is a `Checkpoint` so that Lightning calls it after all other callbacks: their state is in the file.

    Args:
        handler: The handler in charge.
        path: The checkpoint, usually `checkpoints/last.ckpt` of the run folder.
    """

    def __init__(self, handler: SignalHandler, path: Path) -> None:
        super().__init__()
        self._handler = handler
        self._path = path
        self._saved = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes signals from here on."""
        self._take_signals()
        self._handler.is_graceful = True

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Saves when a stop is requested and this batch is a good one to stop after."""
        if _can_go_on_from_here(trainer, batch_idx) and self._requested(trainer):
            self._save(trainer)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stops only here, when Lightning has logged the metrics of the saved step."""
        self._stop_if_saved()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves when a stop was requested during the last batch or the validation."""
        if self._requested(trainer):
            self._save(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stops only here, when Lightning has logged the metrics of the saved epoch."""
        self._stop_if_saved()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stops after the last epoch too: the run goes on with its test."""
        if not self._saved and self._requested(trainer):
            # The last epoch's own checkpoint is the one to go on from: the network may hold averaged weights by now.
            if self._path.exists():
                self._saved = True
            else:
                self._save(trainer)
        self._handler.is_graceful = False
        self._stop_if_saved()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Outside of a training a signal stops at once."""
        self._take_signals()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As above."""
        self._take_signals()

    def on_predict_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As above."""
        self._take_signals()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Ends the other processes when this one was stopped at once: they would wait for it for ever."""
        self._handler.is_graceful = False
        launcher = trainer.strategy.launcher
        if isinstance(exception, Interrupted) and not self._saved and launcher is not None:
            launcher.kill(signal.SIGKILL)  # a process that waits for another ignores SIGTERM

    def _take_signals(self) -> None:
        """Takes SIGTERM back from Lightning.

        Its handler, which it puts round ours just before, would end the epoch with a `SystemExit` and no checkpoint,
        and would start a broadcast in the middle of whatever the processes are exchanging.
        """
        self._handler.install()

    def _requested(self, trainer: pl.Trainer) -> bool:
        """Whether any of the processes got a signal; they all have to ask."""
        here = self._handler.requested is not None
        return trainer.strategy.reduce_boolean_decision(here, all=False) if trainer.world_size > 1 else here

    def _save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self._path)
        self._saved = True

    def _stop_if_saved(self) -> None:
        if self._saved:
            raise Interrupted(self._handler.requested or signal.SIGTERM)


class EndAtOnce(Callback):
    """Makes a training that keeps nothing end at once on a signal, which Lightning's own handlers would delay.

    Args:
        handler: The handler in charge.
    """

    def __init__(self, handler: SignalHandler) -> None:
        self._handler = handler

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes the signals back from Lightning."""
        self._handler.install()


def _can_go_on_from_here(trainer: pl.Trainer, batch_idx: int) -> bool:
    loop = trainer.fit_loop
    stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
    if not stepped or trainer.is_last_batch or loop._data_fetcher is None:
        return False
    return not loop.epoch_loop._should_check_val_fx(loop._data_fetcher)
