"""The table that answers: what does this strategy do?"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from graft.backbones.stages import Stage
from graft.strategies.phases import HEAD, Strategy
from graft.strategies.selection import chosen

_Part = tuple[Any, Mapping[str, str], Mapping[str, float]]


def stage_rows(strategy: Strategy, stages: Sequence[Stage], lr: float) -> list[dict[str, Any]]:
    """Returns plain values, one row for each stage in each phase; the learning rate of a frozen stage is None.

    A head that is solved for has a phase of its own, "start", which has no learning rate.
    """
    rows = []
    for phase, learning, scales in _parts(strategy):
        for stage in stages:
            count = _size(stage, learning)
            row = {"phase": phase, "stage": stage.name, "parameters": stage.size, "learning": count}
            rate = lr * scales[stage.name] if count and scales else None
            rows.append({**row, "trainable": count > 0, "lr": rate})
    return rows


def stage_table(strategy: Strategy, stages: Sequence[Stage], lr: float) -> Table:
    """Tabulates stage, parameters, trainable parameters and learning rate, phase by phase."""
    table = Table(title=f"strategy: {strategy.name}", title_justify="left")
    table.add_column("stage")
    table.add_column("parameters", justify="right")
    parts = _parts(strategy)
    for phase, _, _ in parts:
        table.add_column("solved for" if phase == "start" else f"from epoch {strategy.starts()[phase] + 1}: trainable")
        table.columns[-1].justify = "right"
        table.add_column("learning rate", justify="right")
    for stage in stages:
        cells = [stage.name, f"{stage.size:,}"]
        for _, learning, scales in parts:
            count = _size(stage, learning)
            rate = (f"{lr * scales[stage.name]:.3g}" if scales else "none") if count else "frozen"
            cells += [f"{count:,}", rate]
        table.add_row(*cells)
    table.add_section()
    totals = ["all", f"{sum(stage.size for stage in stages):,}"]
    for _, learning, _ in parts:
        totals += [f"{sum(_size(stage, learning) for stage in stages):,}", ""]
    table.add_row(*totals)
    return table


def parameter_counts(strategy: Strategy, stages: Sequence[Stage]) -> dict[str, int]:
    """Counts all parameters, and those that learn in at least one phase."""
    return {
        "parameters/total": sum(stage.size for stage in stages),
        "parameters/trainable": learning_parameters(strategy, stages),
    }


def learning_parameters(strategy: Strategy, stages: Sequence[Stage]) -> int:
    """Counts the parameters that are trained in any phase, or solved for before the first."""
    names: set[tuple[str, str]] = set()
    for _, learning, _ in _parts(strategy):
        names |= {(stage.name, name) for stage in stages for name in chosen(stage, learning.get(stage.name))}
    return sum(
        stage.parameters[name].numel() for stage in stages for name in stage.parameters if (stage.name, name) in names
    )


def _parts(strategy: Strategy) -> list[_Part]:
    """Returns of each phase its number, what learns, and the multiples of the rate."""
    start: list[_Part] = [("start", {HEAD: "all"}, {})] if strategy.start is not None else []
    return [*start, *((n, strategy.learning(n), strategy.scales(n)) for n in range(len(strategy.phases)))]


def _size(stage: Stage, learning: Mapping[str, str]) -> int:
    return sum(parameter.numel() for parameter in chosen(stage, learning.get(stage.name)).values())
