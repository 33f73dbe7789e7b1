"""Which trials of a study count as what: of those that were lost or failed some were begun anew, as others."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from graft.sweeps.trials import Ending

Trials = Sequence[FrozenTrial]


def waiting(trials: Trials) -> list[FrozenTrial]:
    """Returns the trials that wait in line to be begun."""
    return [trial for trial in trials if trial.state is TrialState.WAITING]


def under_way(trials: Trials) -> list[FrozenTrial]:
    """Returns the trials that some process has begun and not ended."""
    return [trial for trial in trials if trial.state is TrialState.RUNNING]


def spent(trials: Trials) -> list[FrozenTrial]:
    """Returns the trials that were begun and have no successor, without those that were lost."""
    begun = [trial for trial in trials if trial.state is not TrialState.WAITING and not _is_lost(trial)]
    return _without_successor(begun, trials)


def failed(trials: Trials, *, in_line: bool) -> list[FrozenTrial]:
    """Returns the trials that failed and were not begun again.

    Args:
        trials: Of the study.
        in_line: Also those that wait for it.
    """
    found = [trial for trial in trials if trial.state is TrialState.FAIL and not _is_lost(trial)]
    begun = [trial for trial in trials if trial.state is not TrialState.WAITING]
    return _without_successor(found, begun if in_line else trials)


def _without_successor(found: Trials, trials: Trials) -> list[FrozenTrial]:
    again = {trial.user_attrs.get("again") for trial in trials}
    return [trial for trial in found if trial.number not in again]


def _is_lost(trial: FrozenTrial) -> bool:
    return trial.user_attrs.get("ending") == Ending.LOST
