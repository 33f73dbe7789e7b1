"""The pictures and tables of a report, sent to Weights & Biases when a run is open there."""

import io
import sys
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from graft.data.table import Kind
from graft.reports.contents import Contents
from graft.reports.drawing import style
from graft.reports.judging import by_class

_DPI = 120
_MOST_CLASSES = 100  # of a confusion matrix, which W&B keeps as a row for each pair


def send_to_wandb(contents: Contents, pictures: Mapping[str, Figure]) -> None:
    """Logs them under `report/`; does nothing where no run is open in this process."""
    wandb: Any = sys.modules.get("wandb")  # not imported for this
    if wandb is None or wandb.run is None:
        return
    sent: dict[str, Any] = {f"report/{title}": wandb.Image(_raster(figure)) for title, figure in pictures.items()}
    sent |= {f"report/{title}": _table(wandb, rows) for title, rows in tables(contents).items() if rows}
    if contents.predictions and contents.kind is Kind.SINGLE_LABEL and len(contents.classes) <= _MOST_CLASSES:
        sent["report/Confusion"] = _confusion(wandb, contents)
    if contents.errors:
        sent["report/Worst errors"] = _errors(wandb, contents)
    if contents.augmentation:
        sent["report/Augmentation"] = wandb.Image(Image.open(io.BytesIO(contents.augmentation)))
    wandb.run.log(sent)


def tables(contents: Contents) -> dict[str, list[dict[str, Any]]]:
    """Returns the tables of a report by title, each with its rows by column; one without rows has nothing to say."""
    found = {"Scores": _scores(contents)}
    if contents.predictions and contents.kind is not Kind.REGRESSION:
        found["By class"] = by_class(contents)
    for facet, values in contents.scores["facets"].items():
        found[f"By {facet}"] = [{facet: name, **scores} for name, scores in values.items()]
    return {**found, "Samples": _samples(contents), "The data": _facts(contents), "What learns": contents.stages}


def _scores(contents: Contents) -> list[dict[str, Any]]:
    """Each metric with the interval that holds 95 % of its values when the samples are drawn anew."""
    split, scores = contents.split, contents.scores
    intervals = scores["intervals"] if scores.get("split") == split else {}
    rows = []
    for key, value in contents.summary.items():
        if key.startswith(f"{split}/"):
            low, high = intervals.get(key.removeprefix(f"{split}/")) or (None, None)
            rows.append({"metric": key, "value": value, "95 % from": low, "95 % to": high})
    return rows


def _samples(contents: Contents) -> list[dict[str, Any]]:
    if not contents.data:
        return []
    samples, counts = contents.data["samples"], contents.data["counts"]
    classes = contents.classes if counts.get("train") else []  # of values there is nothing to count
    by_name = [{"of": name, **{split: counts[split][name] for split in samples}} for name in classes]
    return [{"of": "all", **samples}, *by_name]


def _facts(contents: Contents) -> list[dict[str, Any]]:
    names = {"sizes": "longer side of the images", "lengths": "length of the texts"}
    facts = {
        f"{name}, {which} ({contents.data[key]['unit']})": contents.data[key][which]
        for key, name in names.items()
        if key in contents.data
        for which in ("min", "median", "p95", "max")
    }
    if "cut" in (lengths := contents.data.get("lengths", {})):
        facts[f"texts longer than {lengths['most']} {lengths['unit']}, cut"] = lengths["cut"]
    if duplicates := contents.data.get("duplicates"):
        facts |= {f"{how} duplicates in another split": duplicates[how] for how in ("exact", "near")}
    if "skipped" in contents.data:
        facts["unreadable, left out"] = len(contents.data["skipped"])
    return [{"what": what, "value": value} for what, value in facts.items()]


def _confusion(wandb: Any, contents: Contents) -> Any:
    predicted = contents.predictions[contents.split]
    return wandb.plot.confusion_matrix(
        y_true=predicted.target.tolist(),
        preds=predicted.values.argmax(axis=1).tolist(),
        class_names=contents.classes,
        title=f"Confusion ({contents.split})",
    )


def _errors(wandb: Any, contents: Contents) -> Any:
    rows = []
    for error in contents.errors:
        picture = wandb.Image(Image.open(io.BytesIO(error.image))) if error.image else None
        rows.append({"sample": picture if error.text is None else error.text, **error.said})
    return _table(wandb, rows)


def _table(wandb: Any, rows: list[dict[str, Any]]) -> Any:
    columns = list(rows[0])
    return wandb.Table(columns=columns, data=[[row[column] for column in columns] for row in rows])


def _raster(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=_DPI, facecolor="white")
    return Image.open(buffer)
