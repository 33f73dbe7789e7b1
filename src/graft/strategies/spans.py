"""The epochs in which nothing up to a stage has learnt yet, so that what comes out of it can be known beforehand."""

from typing import NamedTuple

from graft.strategies.phases import Strategy


class Span(NamedTuple):
    """Epochs in which nothing up to a stage has learnt yet.

    Attributes:
        stage: The last one that is frozen.
        begins: The first epoch.
        ends: The one behind the last; None: it holds when the training is over, too.
    """

    stage: str
    begins: int
    ends: int | None


def spans(strategy: Strategy) -> list[Span]:
    """Returns the epochs in which something can be known beforehand, ascending."""
    if not strategy.phases:
        return [Span(strategy.stages[-2], 0, None)]
    starts = [*strategy.starts(), None]
    found: list[Span] = []
    for number in range(len(strategy.phases)):
        stage, begins, ends = strategy.boundary(number), starts[number] or 0, starts[number + 1]
        if found and found[-1].stage == stage:
            found[-1] = found[-1]._replace(ends=ends)
        elif stage is not None:
            found.append(Span(stage, begins, ends))
    return found
