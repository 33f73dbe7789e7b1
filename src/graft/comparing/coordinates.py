"""Parallel coordinates: a line for each configuration through its settings to its score."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from graft.comparing.grouping import Comparison
from graft.comparing.settings import is_number, written
from graft.comparing.wording import setting
from graft.reports.drawing import INK
from graft.reports.wording import label

MOST_AXES = 9  # settings; more stand too close to be read
MOST_LINES = 1000
_BEST = 5  # lines that are drawn strongly
_LEVELS = 12  # names on an axis; of more, every so manieth is written
_WRITTEN = 6  # numbers, each of which is written
_UNSET = 0.14  # the room below numbers for what is not set
_LONGEST = 16  # characters of a name
_WIDE = 4  # times from the least to the most, above which an axis may be logarithmic
# From the worst to the best; all of them can be seen on white and on black.
_COLOURS = LinearSegmentedColormap.from_list("score", ["#8aa4b8", "#56a0c8", "#e69f00", "#d55e00"])


@dataclass(frozen=True)
class Scale:
    """An axis from 0 to 1.

    Attributes:
        places: Of the values that it was made from.
        ticks: What is written where.
    """

    places: list[float]
    ticks: dict[float, str]


def scale(values: Sequence[Any]) -> Scale:
    """Places values of a setting: numbers by their size, names one above the other, what is not set at the bottom."""
    numbers = {value for value in values if is_number(value)}
    if len(numbers) > 1 and all(is_number(value) or value is None for value in values):
        return _of_numbers(values, sorted(numbers))
    return _of_names(values)


def _of_numbers(values: Sequence[float | None], levels: list[float]) -> Scale:
    logarithmic = _is_logarithmic(levels)
    first, last = (math.log10(level) if logarithmic else level for level in (levels[0], levels[-1]))
    bottom = _UNSET if None in values else 0.0

    def place(value: float | None) -> float:
        if value is None:
            return 0.0
        share = ((math.log10(value) if logarithmic else value) - first) / (last - first)
        return bottom + (1 - bottom) * share

    if len(levels) > _WRITTEN:
        between = np.linspace(first, last, 5)
        levels = (10**between if logarithmic else between).tolist()
    ticks = {place(level): setting(float(f"{level:.3g}")) for level in levels}
    return Scale([place(value) for value in values], ticks | ({0.0: setting(None)} if bottom else {}))


def _is_logarithmic(levels: list[float]) -> bool:
    """Whether the middle value, of several, stands nearer to the middle of the axis so."""
    if levels[0] <= 0 or levels[-1] / levels[0] < _WIDE:
        return False
    middle = statistics.median(levels)
    plain = (middle - levels[0]) / (levels[-1] - levels[0])
    return abs(math.log(middle / levels[0]) / math.log(levels[-1] / levels[0]) - 0.5) < abs(plain - 0.5)


def _of_names(values: Sequence[Any]) -> Scale:
    names = {written(value): setting(value) for value in sorted(values, key=_order)}
    at = {name: (row + 0.5) / len(names) for row, name in enumerate(names)}
    every = -(-len(names) // _LEVELS)
    ticks = {at[name]: shown for row, (name, shown) in enumerate(names.items()) if row % every == 0}
    short = {place: name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for place, name in ticks.items()}
    return Scale([at[written(value)] for value in values], short)


def _order(value: Any) -> tuple[int, float, str]:
    """What is not set first, then numbers, then names."""
    if is_number(value):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, setting(value))


def parallel_coordinates(comparison: Comparison, keys: Sequence[str]) -> Figure:
    """Draws the configurations that have a score, the best ones on top.

    Args:
        comparison: Of the runs.
        keys: Settings to show, no more than `MOST_AXES`.
    """
    shown = comparison.ranked[:MOST_LINES]
    scores = np.array([each.score.mean for each in shown if each.score is not None])
    scales = [scale([each.settings.get(key) for each in shown]) for key in keys] + [scale(scores.tolist())]
    headings = [*keys, label(comparison.metric.removeprefix("val/"))]
    figure = Figure(figsize=(max(4.6, 1.25 * (len(keys) + 1.6)), 3.6), layout="constrained")
    axes = figure.subplots()
    lines = [list(enumerate(places)) for places in zip(*(each.places for each in scales), strict=True)]
    quality = np.linspace(1, 0, len(scores))  # by rank: a score that is far off takes no colours from the others
    _draw(axes, lines, quality)
    for row, heading in enumerate(headings):
        _axis(axes, row, heading, scales[row].ticks)
    axes.set(xlim=(-0.3, len(keys) + 0.75), ylim=(-0.04, 1.04))
    axes.axis("off")
    return figure


def _draw(axes: Axes, lines: list[list[tuple[int, float]]], quality: NDArray[np.float64]) -> None:
    """The worst first; many lines are faint, so that their sum shows where most of them run."""
    alpha = float(np.clip(12 / len(lines), 0.25, 0.9))
    rows = list(reversed(range(len(lines))))  # `ranked` has the best one first
    strong = [row < _BEST for row in rows]
    axes.add_collection(
        LineCollection(
            [lines[row] for row in rows],
            colors=[
                _COLOURS(quality[row], 1.0 if of_best else alpha) for row, of_best in zip(rows, strong, strict=True)
            ],
            linewidths=[2.2 if of_best else 0.9 for of_best in strong],
        )
    )


def _axis(axes: Axes, row: int, heading: str, ticks: Mapping[float, str]) -> None:
    axes.plot([row, row], [0, 1], color=INK, linewidth=0.8)
    group, _, name = heading.rpartition(".")
    axes.text(row, 1.05, f"{group}.\n{name}" if group else name, ha="center", va="bottom", fontsize=9)
    for place, text in ticks.items():
        axes.text(row + 0.05, place, text, ha="left", va="center", fontsize=8.5)
