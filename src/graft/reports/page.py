"""`report.html`: a run on one page that needs nothing else, made from its folder alone."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure
from PIL import Image

from graft.data.table import Kind
from graft.reports.contents import Contents, Error, read_contents
from graft.reports.drawing import as_svg
from graft.reports.figures import CURVES, figures
from graft.reports.filling import filled
from graft.reports.judging import by_class, confusion, most_confused
from graft.reports.tracker import send_to_wandb
from graft.reports.wording import decimals, fixed, number
from graft.runs.atomic import write_text
from graft.runs.folder import RunFolder

_LARGEST_CONFUSION = 30  # classes; a larger table shows nothing to the eye
_NAMED_CONFUSION = 8  # classes; above, the columns have numbers for names
_CONFUSED = 10  # pairs of classes
_FRAME = 150  # pixels: no picture of the gallery is shown narrower, see page.css
_SECTIONS = ("Learning curves: ", "Choices: ")  # how the titles of their pictures begin


def write_report(run: RunFolder) -> None:
    """Writes the report of a run, over an older one, and sends its parts to an open tracker.

    Raises:
        GraftError: A file of the run is damaged, or the disk is full.
    """
    contents = read_contents(run)
    pictures = figures(contents)
    write_text(run.report, rendered(contents, pictures))
    send_to_wandb(contents, pictures)


def rendered(contents: Contents, pictures: Mapping[str, Figure]) -> str:
    """Returns the page. Whatever comes from data, files or configs is escaped, and no script can run in it."""
    return filled(
        "report.html.jinja",
        run=contents,
        headline=headline(contents),
        learning=_embedded(pictures, "Learning curves: "),
        choices=_embedded(pictures, "Choices: "),
        pictures=_embedded(pictures, ""),
        confusion=confusion_rows(contents),
        numbered=len(contents.classes) > _NAMED_CONFUSION,
        confused=confused_pairs(contents),
        curves=CURVES,
        classes=by_class(contents) if contents.predictions and contents.kind is not Kind.REGRESSION else [],
        facets=facet_tables(contents),
        phases=phases(contents),
        seconds={key: value for key, value in contents.summary.items() if key.startswith("seconds")},
        bound=bound(contents.summary),
        enlarged=enlarged(contents.errors),
        environment=json.dumps(contents.sessions, indent=2, ensure_ascii=False),
        duplicates=contents.data.get("duplicates", {"exact": 0, "near": 0, "examples": []}),
    )


def bound(summary: Mapping[str, Any]) -> str:
    """Returns in a sentence whether data or computation made the training take its time; nothing where none was."""
    wait, step = (float(summary.get(f"pace/{name}", 0.0)) for name in ("data_wait", "step"))
    if not wait + step:
        return ""
    share = f"{wait / (wait + step):.0%}"
    if wait > step:
        return f"Training waited for data in {share} of its time: more datamodule.num_workers may help."
    return f"Training computed most of its time: it waited for data in {share} of it."


def enlarged(errors: Sequence[Error]) -> tuple[int, int] | None:
    """Returns width and height of the narrowest image, where that is shown larger than it is; None: there is none."""
    sizes = [Image.open(io.BytesIO(error.image)).size for error in errors if error.image is not None]
    narrowest = min(sizes, default=(_FRAME, _FRAME))
    return narrowest if narrowest[0] < _FRAME else None


def _embedded(pictures: Mapping[str, Figure], section: str) -> dict[str, Markup]:
    """Returns the pictures of a section by the caption that they bear there; of none: those that are in no section."""
    return {
        title.removeprefix(section): Markup(as_svg(figure, title))
        for title, figure in pictures.items()
        if section == next((name for name in _SECTIONS if title.startswith(name)), "")
    }


def headline(contents: Contents) -> list[dict[str, Any]]:
    """Returns of each metric its name, value and interval on the split looked at, value on validation, and decimals.

    Two digits of an interval's width are more than it knows of the next samples; no number is written finer.
    """
    summary, split = contents.summary, contents.split
    of_one = contents.kind is not Kind.REGRESSION  # no score of classes leaves 0 … 1, and errors of values may
    intervals = contents.scores["intervals"] if contents.scores.get("split") == split else {}
    names = [key.removeprefix(f"{split}/") for key in summary if key.startswith(f"{split}/")]
    return [
        {
            "name": name,
            "value": summary[f"{split}/{name}"],
            "val": summary.get(f"val/{name}"),
            "interval": intervals.get(name),
            "of_one": of_one,
            "decimals": _decimals(summary[f"{split}/{name}"], intervals.get(name)),
        }
        for name in names
    ]


def _decimals(value: float, interval: Sequence[float] | None) -> int:
    if interval is None or math.isclose(*interval, abs_tol=1e-6):  # rounding is no width
        return decimals(value)
    return decimals(interval[1] - interval[0], leading=2)


def confusion_rows(contents: Contents) -> list[dict[str, Any]]:
    """Returns a row for each true class: its name and, for each predicted class, count and share of the row."""
    few = len(contents.classes) <= _LARGEST_CONFUSION
    if not contents.predictions or contents.kind is not Kind.SINGLE_LABEL or not few:
        return []
    counts = confusion(contents.predictions[contents.split], len(contents.classes)).tolist()
    return [
        {"name": name, "cells": [(count, count / max(1, sum(row))) for count in row]}
        for name, row in zip(contents.classes, counts, strict=True)
    ]


def confused_pairs(contents: Contents) -> list[dict[str, Any]]:
    """Returns the pairs of classes that are confused most, where there are too many for the table of all to tell."""
    if not contents.predictions or contents.kind is not Kind.SINGLE_LABEL or len(contents.classes) <= _NAMED_CONFUSION:
        return []
    counts = confusion(contents.predictions[contents.split], len(contents.classes))
    return [
        {"true": contents.classes[true], "said": contents.classes[said], "count": count, "share": share}
        for true, said, count, share in most_confused(counts, _CONFUSED)
    ]


def facet_tables(contents: Contents) -> dict[str, tuple[list[str], list[tuple[str, list[str]]]]]:
    """Returns, by facet, the names of its columns and, for each value, its scores as they are written."""
    tables = {}
    for facet, values in contents.scores["facets"].items():
        if values:
            columns = {
                name: _column([scores[name] for scores in values.values()]) for name in next(iter(values.values()))
            }
            rows = [list(row) for row in zip(*columns.values(), strict=True)]
            tables[facet] = (list(columns), list(zip(values, rows, strict=True)))
    return tables


def _column(values: Sequence[float | None]) -> list[str]:
    if all(isinstance(value, int) for value in values):
        return [number(value) for value in values]
    places = decimals(max((abs(value) for value in values if value is not None), default=0.0))
    return [fixed(value, places) for value in values]


def phases(contents: Contents) -> list[list[dict[str, Any]]]:
    """Returns the rows of the stage table, phase by phase."""
    numbers = dict.fromkeys(row["phase"] for row in contents.stages)
    return [[row for row in contents.stages if row["phase"] == phase] for phase in numbers]
