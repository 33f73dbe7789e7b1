"""Whether a sweep's folder and its study belong together."""

from pathlib import Path

from optuna import Study
from optuna.trial import FrozenTrial

from graft.errors import ConfigError
from graft.runs.status import Process
from graft.sweeps.presence import has_sign


def check_own(study: Study, folder: Path) -> None:
    """Refuses folders that are not the study's: what lies there would count as what its own trials came to.

    Args:
        study: Of the sweep.
        folder: Of the sweep.

    Raises:
        ConfigError: Trials have folders that the study does not know, or none has one.
    """
    begun = study.get_trials(deepcopy=False)  # before the folders, which come later
    there = _numbers(folder)
    if not there and any(_has_left_something(trial, folder) for trial in begun):
        raise ConfigError(
            f"the study {study.study_name} has trials already, and {folder} has the folder of none: on another machine,"
            " moved or deleted? Share paths.logs, put the folders back, or give this sweep a name of its own, name=…."
        )
    known = len(study.get_trials(deepcopy=False))  # another process may have begun one meanwhile
    if strange := [number for number in there if number >= known]:
        raise ConfigError(
            f"{folder / str(strange[0])} is of another study than {study.study_name}: study.journal is gone, or"
            " hydra.sweeper.storage was another. Put it back, move the folder of that sweep away, or give this one a"
            " name of its own, name=…."
        )


def _numbers(folder: Path) -> list[int]:
    """Of the trials that have run folders."""
    statuses = [*folder.glob("*/status.json"), *folder.glob("*/*/status.json")]
    names = {status.relative_to(folder).parts[0] for status in statuses}
    return sorted(int(name) for name in names if name.isdecimal())


def _has_left_something(trial: FrozenTrial, folder: Path) -> bool:
    """Whether there must be something in the sweep's folder: the trial's own, or the sign of its process."""
    if trial.state.is_finished():
        return True
    if trial.user_attrs.get("stopped"):
        return False
    owner = Process(**trial.user_attrs["owner"]) if "owner" in trial.user_attrs else Process.this()
    return owner.host != Process.this().host and not has_sign(owner, folder)
