"""The pictures of what was tried before something was chosen: by the strategy, or before the training."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from graft.reports.contents import Contents
from graft.reports.drawing import INK, RING, legend_below, new_axes
from graft.reports.wording import label, short


def of_choices(contents: Contents) -> Iterator[tuple[str, Figure]]:
    """Draws what was tried before something was decided, where there was a choice."""
    yield from of_found(contents.found)
    start, stages, mean = contents.start, contents.stage_choice, contents.interpolation
    if start.get("held_out_accuracy"):
        name, setting = ("Neighbours", "k") if start["setting"] == "k" else ("Strength of the head", start["setting"])
        tried = (start["candidates"], start["held_out_accuracy"], start["chosen"])
        yield name, tried_and_chosen(*tried, setting, "held-out accuracy", logarithmic=True)
    validated = f"validation: {label(contents.monitored)}"
    if stages:
        best = (max if contents.mode == "max" else min)(stages, key=lambda name: stages[name])
        yield (
            "Stage",
            tried_and_chosen(list(stages), list(stages.values()), best, "stage that learns", validated),
        )
    if mean:
        tried = (mean["alphas"], mean["values"], mean["chosen"])
        yield "Mean with the start", tried_and_chosen(*tried, "share of the trained weights", validated)


def of_found(found: Mapping[str, Any]) -> Iterator[tuple[str, Figure]]:
    """Draws what `find.json` says, of values that were found before the training."""
    if size := found.get("batch_size"):
        tried = (size["sizes"], size["per_second"], size["chosen"])
        yield "Batch size", tried_and_chosen(*tried, "samples of a batch", "samples per second", logarithmic=True)
    if rate := found.get("lr"):
        yield "Learning rate", range_test(rate["rates"], rate["losses"], rate["smoothed"], rate["chosen"])


def tried_and_chosen(
    candidates: Sequence[Any], values: Sequence[float], chosen: Any, xlabel: str, ylabel: str, logarithmic: bool = False
) -> Figure:
    """Draws what each candidate came to; ringed, the one that was chosen."""
    figure, axes = new_axes()
    named = isinstance(candidates[0], str)
    places = range(len(candidates)) if named else candidates
    axes.plot(places, values, marker=".", linestyle=":" if named else "-")
    number = candidates.index(chosen)
    said = chosen if named else f"{chosen:.4g}"
    axes.plot([places[number]], [values[number]], color=INK, label=f"chosen: {said}", **RING)
    if named:
        axes.set_xticks(places, [short(name) for name in candidates], rotation=45, ha="right")
    if logarithmic:
        _over_decades(axes)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    legend_below(figure, axes)
    return figure


def range_test(rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], chosen: float) -> Figure:
    """Draws the training loss over rates that rise; ringed, the rate that was chosen."""
    figure, axes = new_axes()
    axes.plot(rates, losses, linestyle="", marker=".", alpha=0.4, label="loss of a step")
    axes.plot(rates, smoothed, label="smoothed")
    on_curve = np.interp(np.log([chosen]), np.log(rates), smoothed)
    axes.plot([chosen], on_curve, color=INK, label=f"chosen: {chosen:.4g}", **RING)
    # What lies above, where the loss diverges, would press the fall flat.
    lowest, top = min(losses), max(smoothed[0], min(max(losses), 2 * smoothed[0] - min(smoothed)))
    axes.set_ylim(lowest - 0.05 * (top - lowest), top)
    _over_decades(axes)
    axes.set(xlabel="optimizer.lr", ylabel="training loss")
    legend_below(figure, axes, columns=3)
    return figure


def _over_decades(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))  # powers are written as formulas, which are off
    axes.xaxis.set_minor_locator(NullLocator())
