"""Checkpoints that a kill or a full disk cannot spoil, and that cannot run code when they are read."""

import pickle
import shutil
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import CheckpointIO

from graft.errors import GraftError
from graft.runs.atomic import replacing


class AtomicCheckpointIO(CheckpointIO):
    """Lightning's way to checkpoint files.

    Lightning's own writes the file in place of the old one too, but from a second copy in memory, does not flush it
    to the disk, and keeps the unpickler open to whatever a file holds.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes a checkpoint in the place of the old one, which stays when anything goes wrong.

        Raises:
            GraftError: When the disk is full.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(checkpoint, file)  # into a Python file, whose errors say why; torch's own say only that

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Reads a checkpoint: tensors and plain values only, whatever `weights_only` says.

        Raises:
            GraftError: When the file is missing, damaged, or holds anything else.
        """
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
        except FileNotFoundError:
            raise GraftError(f"checkpoint {path} is missing") from None
        except pickle.UnpicklingError as error:
            raise GraftError(
                f"checkpoint {path} is damaged, or holds more than tensors and plain values, and is not read, because "
                "that could run code; use a checkpoint that Graft wrote"
            ) from error
        except (RuntimeError, EOFError, OSError) as error:
            said = str(error).partition(". ")[0]  # torch goes on about whom to ask
            raise GraftError(f"checkpoint {path} is damaged ({said}); use another one") from error
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes a checkpoint, which sharded strategies write as a folder."""
        path = Path(path)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class Checkpoint(ModelCheckpoint):
    """Lightning's callback, for run folders that are moved between two sessions.

    Lightning's own then forgets the best score so far, and the first checkpoint after the move takes the best one's
    place.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over the state, with its paths in the folder where the checkpoints lie now."""
        state = {key: self._here(value) for key, value in state_dict.items()}
        state["best_k_models"] = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state, "dirpath": self.dirpath})

    def _here(self, value: Any) -> Any:
        return str(Path(str(self.dirpath)) / Path(value).name) if isinstance(value, str) and "/" in value else value


class Newest(Checkpoint):
    """The state after an epoch, to go on from after a kill.

    A head's epoch on kept features takes less time than writing the network once more. So after a checkpoint the next
    waits for `pause`, which is what a kill may cost; the last epoch's is always written.

    Args:
        pause: Seconds between two checkpoints at least; 0: one after each epoch.
        keywords: Lightning's.
    """

    def __init__(self, *, pause: float, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._pause = pause
        self._since = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before the first epoch there is nothing to lose."""
        super().on_train_start(trainer, pl_module)
        self._since = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes when it is time; the first process says whether it is, as all write together."""
        if _ends(trainer) or trainer.strategy.broadcast(time.monotonic() - self._since >= self._pause):
            super().on_train_epoch_end(trainer, pl_module)
            if self._last_global_step_saved == trainer.global_step:
                self._since = time.monotonic()


def _ends(trainer: pl.Trainer) -> bool:
    """Whether this epoch is the last; Lightning's `done` would also announce it each time that it is asked."""
    epochs, steps = trainer.max_epochs or -1, trainer.max_steps
    progress: Any = trainer.fit_loop.epoch_progress.current
    passed = progress.processed
    return bool(trainer.should_stop or 0 < epochs <= passed or 0 < steps <= trainer.global_step)
