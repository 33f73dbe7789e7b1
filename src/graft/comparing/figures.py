"""The pictures of many runs: how they learnt, and what a score costs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from graft.comparing.grouping import Comparison, Configuration
from graft.comparing.reading import Curve
from graft.comparing.wording import described
from graft.reports.drawing import INK, PALETTE, legend_below, new_axes, thinned
from graft.reports.wording import label

HIGHLIGHTED = len(PALETTE)  # configurations
FAINT = 200  # curves; more are not told apart and make the page heavy
_FAINT_POINTS = 60
_LONGEST = 52  # characters of a legend
_WIDE = 20  # times from the least to the most, above which an axis is logarithmic
_GREY: dict[str, Any] = {"color": INK, "alpha": 0.16, "linewidth": 0.8}


def learning_curves(comparison: Comparison, curves: Mapping[Path, Curve]) -> Figure:
    """Draws the metric over epochs: the best configurations in colours, a line a seed, others faint behind them.

    Args:
        comparison: Of the runs.
        curves: Epochs and values by run folder.
    """
    figure, axes = new_axes()
    best = comparison.ranked[:HIGHLIGHTED]
    coloured = {run.path for each in best for run in each.finished}
    faint = [run.path for each in comparison.configurations for run in each.runs if run.path not in coloured]
    faint = [path for path in faint if curves.get(path)]
    for number in np.linspace(0, len(faint) - 1, min(len(faint), FAINT)).astype(int):
        axes.plot(*_points(curves[faint[number]], _FAINT_POINTS), **_GREY)
    for number, each in reversed(list(enumerate(best))):
        for row, run in enumerate(run for run in each.finished if curves.get(run.path)):
            points = curves[run.path]
            name = _name(comparison, number, each) if row == 0 else None
            mark = "." if len(points) < 2 else ""
            axes.plot(*_points(points), color=PALETTE[number], linewidth=1.4, label=name, marker=mark)
    axes.set(xlabel="epochs", ylabel=label(comparison.metric.removeprefix("val/")))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    _ranked_legend(figure, axes)
    return figure


def score_against(comparison: Comparison, name: str, xlabel: str) -> Figure:
    """Draws the metric of each configuration over what it costs; dotted, the best that so much can buy.

    Args:
        comparison: Of the runs.
        name: Key of the summary.
        xlabel: What it is called.
    """
    figure, axes = new_axes()
    placed = [
        (cost.mean, each.score.mean, each)
        for each in comparison.ranked
        if each.score is not None and (cost := each.over_seeds(name)) is not None
    ]
    axes.plot(
        *np.array([(x, y) for x, y, _ in placed[HIGHLIGHTED:]]).reshape(-1, 2).T,
        linestyle="",
        marker=".",
        color=INK,
        alpha=0.35,
        markeredgewidth=0,
    )
    front = _front([(x, y) for x, y, _ in placed], comparison.mode)
    axes.plot(*np.array(front).T, color=INK, linewidth=1, linestyle=":")
    for number, (x, y, each) in reversed(list(enumerate(placed[:HIGHLIGHTED]))):
        deviation = each.score.deviation if each.score else None
        axes.errorbar([x], [y], yerr=deviation, marker="o", linestyle="", color=PALETTE[number], elinewidth=1,
                      label=_name(comparison, number, each))  # fmt: skip
    if max(x for x, *_ in placed) > _WIDE * max(min(x for x, *_ in placed), 1e-9):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))  # powers are written as formulas, which are off
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.set(xlabel=xlabel, ylabel=label(comparison.metric.removeprefix("val/")))
    _ranked_legend(figure, axes)
    return figure


def _front(points: Sequence[tuple[float, float]], mode: str) -> list[tuple[float, float]]:
    """The points that none beats in both, from cheap to dear."""
    better: Callable[[float, float], bool] = float.__gt__ if mode == "max" else float.__lt__
    found: list[tuple[float, float]] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1] if mode == "max" else point[1])):
        if not found or better(y, found[-1][1]):
            found.append((x, y))
    return found


def _points(curve: Curve, most: int = 600) -> tuple[Any, Any]:
    epochs, values = np.array(curve, dtype=np.float64).T
    return thinned(epochs, most), thinned(values, most)


def _name(comparison: Comparison, number: int, configuration: Configuration) -> str:
    """Of a line of a legend."""
    name = described(configuration, comparison.shown)
    return f"{number + 1}  {name if len(name) <= _LONGEST else name[: _LONGEST - 1] + '…'}"


def _ranked_legend(figure: Figure, axes: Axes) -> None:
    """The best is drawn last, on top of all, and named first."""
    handles, names = axes.get_legend_handles_labels()
    legend_below(figure, list(reversed(handles)), list(reversed(names)))
