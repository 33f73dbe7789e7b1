"""The page of a comparison: one file that needs nothing else."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from markupsafe import Markup
from matplotlib.figure import Figure

from graft.comparing.coordinates import MOST_AXES, MOST_LINES, parallel_coordinates
from graft.comparing.differences import config_differences, environment_differences, names_of
from graft.comparing.figures import FAINT, learning_curves, score_against
from graft.comparing.grouping import Comparison
from graft.comparing.importance import FEWEST, Importance
from graft.comparing.own import PAGE_MARK
from graft.comparing.reading import Curve
from graft.comparing.table import columns
from graft.comparing.verdict import incomplete, verdict
from graft.comparing.wording import counted, described, made_alike, seeds_of, stopped
from graft.errors import many
from graft.reports.drawing import PALETTE, as_svg, style
from graft.reports.filling import filled

ROWS = 30  # of the table
COSTS = {"seconds": "seconds", "trainable parameters": "parameters/trainable"}  # of the summary
_FEWEST_LINES = 3
_STOPPED = 20  # reasons for which runs have stopped


def page(comparison: Comparison, curves: Mapping[Path, Curve], find_importance: Callable[[], Importance | None]) -> str:
    """Returns the page. Whatever comes from configs, files or folders is escaped, and no script can run in it.

    Args:
        comparison: What is shown.
        curves: Epochs and values of the metric, by run folder.
        find_importance: Gives that of the settings, where it can be told; asked for as late as possible.
    """
    pictures = _of_runs(comparison, curves)
    importance = find_importance()
    reasons = stopped(comparison.runs)
    two = comparison.runs if len(comparison.runs) == 2 and all(run.begun for run in comparison.runs) else None
    return filled(
        "comparison.html.jinja",
        room="graft.comparing",
        mark=Markup(PAGE_MARK),
        comparison=comparison,
        place="/".join(_common(comparison).parts[-2:]),
        counted=counted(comparison),
        alike=made_alike(comparison.runs),
        incomplete=incomplete(comparison),
        columns=columns(comparison, intervals=True),
        rows=comparison.configurations[:ROWS],
        verdict=verdict(comparison),
        pictures=pictures,
        best=[
            (colour, described(each, comparison.shown), f"{seeds_of(each)} seeds" if each.missing else "")
            for colour, each in zip(PALETTE, comparison.ranked, strict=False)
        ],
        parallel=_of_settings(comparison, importance),
        drawn={"axes": MOST_AXES, "lines": MOST_LINES, "faint": FAINT},
        importance=importance,
        scored=sum(run.finished and run.score(comparison.metric) is not None for run in comparison.runs),
        fewest=FEWEST,
        stopped=reasons[:_STOPPED],
        more_stopped=max(0, len(reasons) - _STOPPED),
        two=names_of(*two) if two else None,
        config=config_differences(*two) if two else [],
        environment=environment_differences(*two) if two else [],
        many=many,
    )


def _common(comparison: Comparison) -> Path:
    """The innermost folder that all runs lie in."""
    return Path(os.path.commonpath([run.path.parent for run in comparison.runs]))


def axes_of(comparison: Comparison, importance: Importance | None) -> list[str]:
    """Returns the settings that parallel coordinates show: the most important ones, in the order of the config."""
    if importance is None or len(comparison.shown) <= MOST_AXES:
        return comparison.shown[:MOST_AXES]
    chosen = list(importance.shares)[:MOST_AXES]
    return [key for key in comparison.shown if key in chosen]


def _of_runs(comparison: Comparison, curves: Mapping[Path, Curve]) -> dict[str, Markup]:
    """Draws what there is of runs, by caption."""
    drawn: dict[str, Figure] = {}
    with style():
        if any(curves.values()):
            drawn["Learning curves"] = learning_curves(comparison, curves)
        for name, cost in COSTS.items():
            if len({found.mean for each in comparison.ranked if (found := each.over_seeds(cost))}) > 1:
                drawn[f"Score against {name}"] = score_against(comparison, cost, name)
    return {title: Markup(as_svg(figure, title)) for title, figure in drawn.items()}


def _of_settings(comparison: Comparison, importance: Importance | None) -> Markup | None:
    keys = axes_of(comparison, importance)
    if len(comparison.ranked) < _FEWEST_LINES or not keys:
        return None
    with style():
        return Markup(as_svg(parallel_coordinates(comparison, keys), "Parallel coordinates"))
