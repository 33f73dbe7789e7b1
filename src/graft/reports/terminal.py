"""The table at the end of a run."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

SPLITS = ("val", "test")


def outcome_table(summary: Mapping[str, Any]) -> Table:
    """Tabulates metrics by split, then seconds by part and parameters, from what `summary.json` holds."""
    table = Table(title=str(summary.get("name", "")), title_justify="left")
    table.add_column("metric")
    shown = [split for split in SPLITS if any(key.startswith(f"{split}/") for key in summary)]
    for split in shown:
        table.add_column(split, justify="right")
    names = dict.fromkeys(key.split("/", 1)[1] for key in summary if key.split("/", 1)[0] in SPLITS)
    for name in names:
        table.add_row(name, *(_number(summary.get(f"{split}/{name}")) for split in shown))
    table.add_section()
    for key in (key for key in summary if key.startswith("seconds/")):
        table.add_row(f"seconds: {key.removeprefix('seconds/')}", f"{summary[key]:.1f}")
    table.add_row("seconds", f"{summary['seconds']:.1f}")
    table.add_section()
    table.add_row("parameters", f"{summary['parameters/total']:,}")
    table.add_row("parameters trainable", f"{summary['parameters/trainable']:,}")
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def print_outcome(summary: Mapping[str, Any], folder: str) -> None:
    """Prints that table; the folder stands on a line of its own, so that it can be copied whole."""
    console = Console()
    console.print(outcome_table(summary))
    console.print("run folder:", folder, soft_wrap=True, highlight=False)
