"""The pictures and tables of a report, sent to Weights & Biases when a run is open there."""

import io
import sys
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from graft.data.table import Kind
from graft.reports.contents import Contents
from graft.reports.figures import style
from graft.reports.judging import by_class

_DPI = 120


def send_to_wandb(contents: Contents, pictures: Mapping[str, Figure]) -> None:
    """Logs them under `report/`; does nothing where no run is open in this process."""
    wandb: Any = sys.modules.get("wandb")  # not imported for this
    if wandb is None or wandb.run is None:
        return
    sent: dict[str, Any] = {f"report/{title}": wandb.Image(_raster(figure)) for title, figure in pictures.items()}
    if contents.predictions and contents.kind is not Kind.REGRESSION:
        sent["report/By class"] = _table(wandb, by_class(contents))
    for facet, values in contents.scores["facets"].items():
        sent[f"report/By {facet}"] = _table(wandb, [{facet: name, **scores} for name, scores in values.items()])
    if contents.errors:
        sent["report/Worst errors"] = _errors(wandb, contents)
    if contents.augmentation:
        sent["report/Augmentation"] = wandb.Image(Image.open(io.BytesIO(contents.augmentation)))
    wandb.run.log(sent)


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
