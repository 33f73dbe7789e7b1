"""The table that answers: what does this strategy do?"""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from graft.backbones.stages import Stage
from graft.strategies.phases import Strategy


def stage_rows(strategy: Strategy, stages: Sequence[Stage], lr: float) -> list[dict[str, Any]]:
    """Returns plain values, one row for each stage in each phase; the learning rate of a frozen stage is None."""
    names = [stage.name for stage in stages]
    rows = []
    for number, phase in enumerate(strategy.phases):
        learning, scales = strategy.learning(phase, names), strategy.scales(number, names)
        for stage in stages:
            learns = stage.name in learning
            row = {"phase": number, "stage": stage.name, "parameters": stage.size, "trainable": learns}
            rows.append({**row, "lr": lr * scales[stage.name] if learns else None})
    return rows


def stage_table(strategy: Strategy, stages: Sequence[Stage], lr: float) -> Table:
    """Tabulates stage, parameters, trainable parameters and learning rate, phase by phase."""
    names = [stage.name for stage in stages]
    table = Table(title=f"strategy: {strategy.name}", title_justify="left")
    table.add_column("stage")
    table.add_column("parameters", justify="right")
    columns = []
    for number, start in enumerate(strategy.starts()):
        title = f"from epoch {start}"
        table.add_column(f"{title}: trainable", justify="right")
        table.add_column("learning rate", justify="right")
        columns.append((strategy.learning(strategy.phases[number], names), strategy.scales(number, names)))
    for stage in stages:
        cells = [stage.name, f"{stage.size:,}"]
        for learning, scales in columns:
            learns = stage.name in learning
            cells += [f"{stage.size:,}", f"{lr * scales[stage.name]:.3g}"] if learns else ["0", "frozen"]
        table.add_row(*cells)
    table.add_section()
    totals = ["all", f"{sum(stage.size for stage in stages):,}"]
    for learning, _ in columns:
        totals += [f"{sum(stage.size for stage in stages if stage.name in learning):,}", ""]
    table.add_row(*totals)
    return table
