"""The pictures of many runs: how they learnt, and what a score costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from graft.comparing.grouping import Comparison
from graft.comparing.reading import Curve
from graft.reports.drawing import INK, PALETTE, new_axes, thinned
from graft.reports.wording import label

Floats = NDArray[np.float64]

HIGHLIGHTED = len(PALETTE)  # configurations
FAINT = 200  # curves; more are not told apart and make the page heavy
_FAINT_POINTS = 60
_POINTS = 200
_SEEDS = 20  # curves of one configuration
_SCATTERED = 1500
_WIDE = 20  # times from the least to the most, above which an axis is logarithmic


def learning_curves(comparison: Comparison, curves: Mapping[Path, Curve]) -> Figure:
    """Draws the metric over epochs: the best configurations in colours, a line a run, others faint behind them.

    Args:
        comparison: Of the runs.
        curves: Epochs and values by run folder.
    """
    figure, axes = _axes(comparison, "epochs")
    best = [[run for run in each.finished if curves.get(run.path)] for each in comparison.ranked[:HIGHLIGHTED]]
    coloured = {run.path for runs in best for run in runs}
    others = [run.path for each in comparison.configurations for run in each.runs if run.path not in coloured]
    others = [path for path in others if curves.get(path)]
    faint = np.linspace(0, len(others) - 1, min(len(others), FAINT)).astype(int)
    alpha = float(np.clip(12 / max(1, len(faint)), 0.08, 0.4))
    lines = [_points(curves[others[number]], _FAINT_POINTS).T for number in faint]
    axes.add_collection(LineCollection(lines, colors=INK, alpha=alpha, linewidths=0.8))
    for colour, runs in reversed(list(zip(PALETTE, best, strict=False))):
        for run in runs[:_SEEDS]:
            mark = "." if len(curves[run.path]) < 2 else ""
            axes.plot(*_points(curves[run.path]), color=colour, linewidth=1.4, marker=mark)
    axes.autoscale_view()
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    return figure


def score_against(comparison: Comparison, name: str, xlabel: str) -> Figure:
    """Draws the metric of each configuration over what it costs; dotted, the best that so much can buy.

    Those that lack seeds are hollow, and buy nothing where others have all.

    Args:
        comparison: Of the runs.
        name: Key of the summary; at least one run has it.
        xlabel: What it is called.
    """
    figure, axes = _axes(comparison, xlabel)
    costs = [(each, each.over_seeds(name)) for each in comparison.ranked]
    placed = [(rank, cost.mean, each.score) for rank, (each, cost) in enumerate(costs) if cost and each.score]
    others = _columns([(x, score.mean) for rank, x, score in placed if rank >= HIGHLIGHTED])
    axes.plot(
        *(thinned(column, _SCATTERED) for column in others),
        linestyle="",
        marker=".",
        color=INK,
        alpha=0.3,
        markeredgewidth=0,
    )
    complete = [(each.over_seeds(name), each.score) for each in comparison.complete]
    front = _front([(cost.mean, score.mean) for cost, score in complete if cost and score], comparison.mode)
    axes.plot(*_columns(front), color=INK, linewidth=1, linestyle=":", drawstyle="steps-post")
    for rank, x, score in reversed([each for each in placed if each[0] < HIGHLIGHTED]):
        drawn: Any = {"color": PALETTE[rank], "elinewidth": 1, "marker": "o", "markeredgewidth": 1.5}
        drawn["markerfacecolor"] = "none" if comparison.ranked[rank].missing else PALETTE[rank]
        axes.errorbar([x], [score.mean], yerr=score.deviation, **drawn)
    _scaled(axes, [x for _, x, _ in placed])
    return figure


def _axes(comparison: Comparison, xlabel: str) -> tuple[Figure, Axes]:
    figure, axes = new_axes()
    axes.set(xlabel=xlabel, ylabel=label(comparison.metric.removeprefix("val/")))
    return figure, axes


def _scaled(axes: Axes, costs: Sequence[float]) -> None:
    if min(costs) > 0 and max(costs) > _WIDE * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_formatter(NullFormatter())
        if max(costs) < 1000 * min(costs):
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: _cost(cost)))


def _cost(value: float) -> str:
    """`0.5`, `20k`, `3M`: powers would be written as formulas, which are off, and half a second as 500m."""
    return EngFormatter(sep="")(value) if abs(value) >= 1000 else f"{value:.4g}"


def _front(points: Sequence[tuple[float, float]], mode: str) -> list[tuple[float, float]]:
    """The points that none beats in both, from cheap to dear."""
    sign = 1 if mode == "max" else -1
    found: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], -sign * point[1])):
        if not found or sign * score > sign * found[-1][1]:
            found.append((cost, score))
    return found


def _points(curve: Curve, most: int = _POINTS) -> Floats:
    return np.array([thinned(column, most) for column in _columns(curve)])


def _columns(points: Sequence[tuple[float, float]]) -> Floats:
    return np.array(points, dtype=np.float64).reshape(-1, 2).T
