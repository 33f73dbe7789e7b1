"""What is done about a trial whose process died: it is run once more, and given up when it dies by itself again.

One process that dies ends its whole batch in some launchers, and which one it was is not told. So those that died are
run once more each by itself, and none is a failure for what another one did.
"""

from dataclasses import dataclass

from optuna.trial import FrozenTrial

from graft.runs.secrets import redact
from graft.sweeps.trials import Ending, Outcome

_MOST = 2  # losses after which a trial that took no other along is given up


@dataclass(frozen=True)
class Again:
    """How a trial is put in line once more; written to its successor.

    Attributes:
        again: Its number.
        losses: How often its configuration was lost so far.
        alone: Whether it shares its batch with no other.
    """

    again: int
    losses: int = 0
    alone: bool = False


def after_loss(
    trial: FrozenTrial, found: Outcome, *, at_once: int, counts: bool, error: Exception | None = None
) -> Again | Outcome:
    """Returns how a trial that was lost is put in line again, or, where it is given up, its failure.

    Args:
        trial: The trial.
        found: What became of it.
        at_once: Trials of a batch.
        counts: Whether it may itself be the reason.
        error: What ended the launcher.
    """
    losses = trial.user_attrs.get("losses", 0) + counts
    if losses >= _MOST and (at_once == 1 or runs_alone(trial)):
        died = f"its process died before its end, {error or 'by a signal'}".rstrip(".")
        reason = f"{died}: out of memory?" if found.killed else f"{found.message}: by a time limit?"
        again = f"It did so {losses} times; hydra.sweeper.retry_failed=true tries it again"
        return Outcome(Ending.FAILED, message=redact(f"{reason} {again}"), seconds=found.seconds)
    return Again(trial.number, losses, alone=losses >= _MOST or (found.killed and error is not None))


def runs_alone(trial: FrozenTrial) -> bool:
    """Whether a trial shares its batch with no other."""
    return bool(trial.user_attrs.get("alone"))
