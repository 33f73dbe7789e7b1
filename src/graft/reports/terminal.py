"""Tables for the terminal and the log."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from graft.errors import many

_SPLITS = ("train", "val", "test")
_PACE = {"pace/data_wait": "of training: waiting for data", "pace/step": "of training: computing"}
_WIDTH = 160  # columns; a narrower terminal wraps


def rendered(table: Table, width: int = _WIDTH) -> str:
    """Draws a table as plain text, in so many columns."""
    console = Console(width=width, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()


def outcome_table(summary: Mapping[str, Any]) -> Table:
    """Tabulates metrics by split, seconds by part and by what training waited for, and parameters, of a summary."""
    table = Table(title=str(summary["name"]), title_justify="left")
    shown = [split for split in _SPLITS if any(key.startswith(f"{split}/") for key in summary)]
    for column in ("metric", *shown):
        table.add_column(column, justify="left" if column == "metric" else "right")
    for name in dict.fromkeys(key.split("/", 1)[1] for key in summary if key.split("/", 1)[0] in shown):
        table.add_row(name, *(_number(summary.get(f"{split}/{name}")) for split in shown))
    table.add_section()
    for key in (key for key in summary if key.startswith(("seconds", "pace/"))):
        table.add_row(_PACE.get(key, key.replace("/", ": ")), f"{summary[key]:.1f} s")
    table.add_section()
    for key in (key for key in summary if key.startswith("parameters/")):
        table.add_row(key.replace("/", ": "), f"{summary[key]:,}")
    return table


def scores_table(scores: Mapping[str, float], before: Mapping[str, Any]) -> Table:
    """Tabulates scores, beside those that the run's own `summary.json` holds, where it has them."""
    table = Table()
    table.add_column("metric")
    table.add_column("now", justify="right")
    table.add_column("in training", justify="right")
    for name, value in scores.items():
        table.add_row(name, _number(value), _number(before.get(name)))
    return table


def predictions_table(rows: Sequence[Mapping[str, Any]], count: int) -> Table:
    """Tabulates the first of `count` predictions, as `graft predict` writes them; of a class with its probability."""
    table = Table(caption=f"the first {len(rows)} of {count:,}" if len(rows) < count else None)
    said = [name for name in rows[0] if name.split("/")[0] == "prediction"]
    for column in ("id", *said, *(["probability"] if said == ["prediction"] else [])):
        table.add_column(column, justify="left" if column == "id" else "right")
    for row in rows:
        if row["error"] is not None:
            table.add_row(str(row["id"]), str(row["error"]))
            continue
        cells = [_said(row[name]) for name in said]
        if said == ["prediction"]:
            cells.append(_number(row[f"probability/{row['prediction']}"]))
        table.add_row(str(row["id"]), *cells)
    return table


def _said(value: Any) -> str:
    """A class, whether a label holds, or a value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def forgetting_table(found: Mapping[str, Any]) -> Table:
    """Tabulates what a backbone still can of what it was pretrained for."""
    same = found["divergence"] < 1e-6
    table = Table(caption="nothing in the backbone has learnt: it is the pretrained one" if same else None)
    table.add_column(f"original head on {many(found['images'], 'image')}")
    table.add_column("pretrained", justify="right")
    table.add_column("after the training", justify="right")
    if "labelled" in found:
        before, after = (_number(found[f"accuracy/{name}"]) for name in ("before", "after"))
        table.add_row(f"accuracy on {found['labelled']} with labels", before, after)
    table.add_row("same class as the pretrained one", "1", _number(found["agreement"]))
    table.add_row("divergence from it, nats", "0", _number(found["divergence"]))
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
