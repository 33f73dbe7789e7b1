"""Ends a trial early that is worse than the others were at its epoch."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from graft.errors import GraftError
from graft.sweeps.trial import Trial


class StopWhenPruned(Callback):
    """Tells the study the metric after each validation, and stops the training gracefully when the pruner says so.

    All processes of a distributed training have it, as all of them have to hear of the stop; the first alone knows
    that there is a study.

    Args:
        trial: That this run is, if it is one of a sweep with a pruner.

    Attributes:
        pruned_at: The epoch, from 0, after which the trial was pruned; None where it was not.
    """

    def __init__(self, trial: Trial | None) -> None:
        self.pruned_at: int | None = None
        self._trial = trial if trial is not None and trial.pruner is not None else None
        self._watch: Watch | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reports, asks, and tells the other processes; the last epoch, which is paid for, is left to end."""
        is_last = trainer.max_epochs is not None and trainer.current_epoch + 1 >= trainer.max_epochs > 0
        if trainer.sanity_checking or trainer.state.fn != "fit" or is_last:
            return
        stop = self._trial is not None and trainer.is_global_zero and self._ask(self._trial, trainer)
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if stop:
            self.pruned_at = trainer.current_epoch
            trainer.should_stop = True

    def _ask(self, trial: Trial, trainer: pl.Trainer) -> bool:
        self._watch = self._watch or Watch(trial)
        if (value := trainer.callback_metrics.get(trial.metric)) is None:
            raise GraftError(
                f"hydra.sweeper.metric: the pruner needs {trial.metric} after each epoch; it is not computed."
            )
        return self._watch.should_stop(float(value), trainer.current_epoch)


class Watch:
    """A running trial in its study.

    Args:
        trial: The trial.
    """

    def __init__(self, trial: Trial) -> None:
        import optuna

        from graft.sweeps.study import make_pruner, open_storage

        self._storage = open_storage(trial.storage, trial.folder)
        # A loaded study has no pruner but the default one.
        self._study = optuna.load_study(
            study_name=trial.study_name, storage=self._storage, pruner=make_pruner(trial.pruner)
        )
        study_id = self._storage.get_study_id_from_name(trial.study_name)
        self._id = self._storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)

    def should_stop(self, value: float, epoch: int) -> bool:
        """Reports the metric after an epoch and returns whether the trial is pruned."""
        self._storage.set_trial_intermediate_value(self._id, epoch, value)
        return self._study.pruner.prune(self._study, self._storage.get_trial(self._id))
