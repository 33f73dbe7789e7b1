"""After a training, the weights between its start and its end that validate best."""

import logging
from collections.abc import Mapping, Sequence

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, WeightAveraging
from torch import Tensor

from graft.data import DataModule
from graft.errors import ConfigError
from graft.runs.checkpoints import AtomicCheckpointIO, Checkpoint
from graft.runs.folder import RunFolder
from graft.runs.rank import rank
from graft.scoring import score
from graft.strategies import Strategy
from graft.strategies.interpolation import WiseFT, start_file
from graft.tasks import Task

log = logging.getLogger(__name__)

_MEAN = "mean_of_start_and_end"  # marks a checkpoint that is one


def check_averages(callbacks: Sequence[Callback], strategy: Strategy) -> None:
    """Says at once that there is nothing to average, or nothing good between a start and an end.

    Raises:
        ConfigError: So it is.
    """
    if any(isinstance(callback, WeightAveraging) for callback in callbacks) and not strategy.phases:
        raise ConfigError(f"average=ema is of the weights along the epochs; strategy={strategy.name} has none.")
    interpolates = any(isinstance(callback, WiseFT) for callback in callbacks)
    if interpolates and strategy.adapter is not None:
        raise ConfigError(
            "average=wise_ft is a mean of weights; of an adapter's factors it would be another network than the mean of"
            f" what they make of the weights: leave it out with strategy={strategy.name}."
        )
    if interpolates and (strategy.start is None or not strategy.phases):
        raise ConfigError(
            f"average=wise_ft needs a start that can classify and a training that goes on from it, which"
            f" strategy={strategy.name} has not: set strategy=lp_ft."
        )
    if interpolates and not any(isinstance(each, Checkpoint) and each.filename == "best" for each in callbacks):
        raise ConfigError("average=wise_ft takes the best checkpoint, but callbacks.best is null.")


def interpolate(
    run: RunFolder, trainer: pl.Trainer, task: Task, datamodule: DataModule, monitor: str, mode: str
) -> None:
    """Puts the best mean of start and end in the place of the best checkpoint; what that held stays as `trained.ckpt`.

    Nothing is done where no callback asks for it.
    """
    for callback in _interpolations(trainer):
        files = AtomicCheckpointIO()
        best, trained = run.checkpoints / "best.ckpt", run.checkpoints / "trained.ckpt"
        start = files.load_checkpoint(start_file(trainer))["state_dict"]
        # Without a validation there is no best one.
        checkpoint = files.load_checkpoint(best if best.exists() else run.checkpoints / "last.ckpt")
        if checkpoint.get(_MEAN):  # of an earlier session, after which nothing better was trained
            checkpoint = files.load_checkpoint(trained)

        def validated(state: Mapping[str, Tensor]) -> float:
            task.load_state_dict(state)
            return score(trainer, task, datamodule, "val")[monitor]

        state, found = callback.choose(start, checkpoint["state_dict"], validated, mode)
        if rank() == 0:
            files.save_checkpoint(checkpoint, trained)
            files.save_checkpoint({**checkpoint, "state_dict": state, _MEAN: True}, best)
            run.save_json(run.interpolation, found)
        trainer.strategy.barrier()
        value = found["values"][found["alphas"].index(found["chosen"])]
        log.info("a share of %.2f of the trained weights validates best: %s %.4f", found["chosen"], monitor, value)


def _interpolations(trainer: pl.Trainer) -> list[WiseFT]:
    return [callback for callback in _all(trainer) if isinstance(callback, WiseFT)]


def _all(trainer: pl.Trainer) -> list[Callback]:
    return list(trainer.callbacks)  # type: ignore[attr-defined] # a part of the trainer sets it
