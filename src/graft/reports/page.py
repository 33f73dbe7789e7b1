"""`report.html`: a run on one page that needs nothing else, made from its folder alone."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from graft.data.table import Kind
from graft.reports.contents import Contents, read_contents
from graft.reports.figures import as_svg, figures
from graft.reports.judging import by_class, confusion
from graft.reports.tracker import send_to_wandb
from graft.runs.atomic import write_text
from graft.runs.folder import RunFolder
from graft.runs.secrets import redact

_LARGEST_CONFUSION = 30  # classes; a larger table shows nothing to the eye


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
    environment = Environment(
        loader=PackageLoader("graft.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "uri": data_uri}
    page = environment.get_template("report.html.jinja").render(
        run=contents,
        headline=headline(contents),
        pictures={title: Markup(as_svg(figure, title)) for title, figure in pictures.items()},
        confusion=confusion_rows(contents),
        classes=by_class(contents) if contents.predictions and contents.kind is not Kind.REGRESSION else [],
        facets=facet_tables(contents),
        phases=phases(contents),
        seconds={key: value for key, value in contents.summary.items() if key.startswith("seconds")},
        environment=json.dumps(contents.sessions, indent=2, ensure_ascii=False),
        duplicates=contents.data.get("duplicates", {"exact": 0, "near": 0}),
    )
    return redact(page)


def headline(contents: Contents) -> list[dict[str, Any]]:
    """Returns name, value on validation, value and interval on the split looked at, of each metric."""
    summary, split = contents.summary, contents.split
    intervals = contents.scores["intervals"] if contents.scores.get("split") == split else {}
    names = [key.removeprefix(f"{split}/") for key in summary if key.startswith(f"{split}/")]
    return [
        {
            "name": name,
            "value": summary[f"{split}/{name}"],
            "val": summary.get(f"val/{name}"),
            "interval": intervals.get(name),
        }
        for name in names
    ]


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


def facet_tables(contents: Contents) -> dict[str, tuple[list[str], list[tuple[str, dict[str, Any]]]]]:
    """Returns, by facet, the names of its columns and, for each value, the scores of its samples."""
    return {
        facet: (list(next(iter(values.values()))), list(values.items()))
        for facet, values in contents.scores["facets"].items()
        if values
    }


def phases(contents: Contents) -> list[list[dict[str, Any]]]:
    """Returns the rows of the stage table, phase by phase."""
    numbers = dict.fromkeys(row["phase"] for row in contents.stages)
    return [[row for row in contents.stages if row["phase"] == phase] for phase in numbers]


def number(value: Any) -> str:
    """Whole numbers with their thousands apart, others with four digits; nothing where there is none."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def percent(value: float) -> str:
    """A share of 1."""
    return f"{100 * value:.0f} %"


def data_uri(content: bytes, kind: str) -> str:
    """A picture that lies in the page itself."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
