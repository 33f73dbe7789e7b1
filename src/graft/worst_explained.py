"""The worst errors of a run, explained: in its report too."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from graft.build import as_one_process, build_backbone, build_datamodule
from graft.data.table import Kind, Picked
from graft.errors import GraftError
from graft.explaining.explanation import ExplainedImage, ExplainedText
from graft.explaining.pictures import jpeg
from graft.explaining.samples import Asked
from graft.reports.contents import Contents, read_contents
from graft.reports.ending import reporting
from graft.restoring import with_data
from graft.runs.atomic import replacing
from graft.runs.folder import RunFolder

_COLUMNS = ("explained", "map", "pieces", "cut")


def worst_errors(run: RunFolder, target: int | None, data: str | None) -> Asked:
    """Finds the samples of `errors.parquet` among the run's data, and what the run said of them.

    Args:
        run: The folder.
        target: Place of the output to explain; None: what the run is wrong in, a class that it said or a label.
        data: Where its data lie now, if they were moved.

    Raises:
        GraftError: There are no errors, or the data are not those of the run.
    """
    contents = read_contents(run)
    if not contents.errors:
        raise GraftError(f"{run.path} has no errors to explain: say with inputs=… what is to be explained.")
    cfg = with_data(as_one_process(run.load_config()), data)
    datamodule = build_datamodule(cfg, build_backbone(cfg))
    run.keep_splits({split: datamodule.sample_ids(split) for split in datamodule.splits})  # or says what has changed
    row_of = {name: row for row, name in enumerate(datamodule.table.ids)}
    rows = np.array([row_of[error.id] for error in contents.errors])
    column = "prediction" if contents.kind is Kind.REGRESSION else "probability"
    said = [[error.said[f"{column}/{name}"] for name in contents.classes] for error in contents.errors]
    places = [_wrong_in(error.said, contents) if target is None else target for error in contents.errors]
    load = Picked(datamodule.table.load, rows)
    return Asked([error.id for error in contents.errors], load, torch.tensor(said, dtype=torch.float32), places)


def _wrong_in(said: Mapping[str, Any], contents: Contents) -> int:
    """The class that was said, or the label whose probability is farthest from the truth."""
    if contents.kind is Kind.SINGLE_LABEL:
        return contents.classes.index(said["prediction"])
    far = [abs(said[f"probability/{name}"] - said[f"target/{name}"]) for name in contents.classes]
    return int(np.argmax(far))


def keep_explanations(run: RunFolder, samples: Sequence[ExplainedImage] | Sequence[ExplainedText]) -> None:
    """Adds explanations to `errors.parquet`, in its order, and makes the report anew.

    A column `explained` names the output. `map` is a picture, JPEG, `pieces` a JSON list of stretches of the text, see
    `Piece`, and `cut` what the network did not see of it.
    """
    errors = pq.read_table(run.errors)
    errors = errors.drop_columns([name for name in _COLUMNS if name in errors.column_names])
    errors = errors.append_column("explained", pa.array([sample.said.output for sample in samples], pa.string()))
    images = [sample for sample in samples if isinstance(sample, ExplainedImage)]
    texts = [sample for sample in samples if isinstance(sample, ExplainedText)]
    if images:
        errors = errors.append_column("map", pa.array([jpeg(image.overlaid) for image in images], pa.binary()))
    else:
        pieces = [json.dumps([asdict(piece) for piece in text.pieces]) for text in texts]
        errors = errors.append_column("pieces", pa.array(pieces, pa.string()))
        errors = errors.append_column("cut", pa.array([text.cut for text in texts], pa.string()))
    with reporting(run), replacing(run.errors) as temporary:
        pq.write_table(errors, temporary)
