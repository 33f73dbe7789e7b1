"""The worst errors of a run, explained: in its report too."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graft.build import as_one_process, build_backbone, build_datamodule
from graft.data.table import Picked
from graft.errors import GraftError
from graft.explaining.explanation import ExplainedImage, ExplainedText
from graft.explaining.pictures import jpeg
from graft.reports.ending import reporting
from graft.restoring import with_data
from graft.runs.atomic import replacing
from graft.runs.folder import RunFolder

_COLUMNS = ("explained", "map", "pieces", "cut")


@dataclass(frozen=True)
class Worst:
    """The samples of the errors, worst first.

    Attributes:
        ids: Their names.
        load: Takes a place among them and returns the canonical sample.
    """

    ids: list[str]
    load: Picked


def worst_errors(run: RunFolder, data: str | None) -> Worst:
    """Finds the samples of `errors.parquet` among the run's data.

    Args:
        run: The folder.
        data: Where its data lie now, if they were moved.

    Raises:
        GraftError: There are no errors, or the data are not those of the run.
    """
    ids = pq.read_table(run.errors, columns=["id"])["id"].to_pylist() if run.errors.exists() else []
    if not ids:
        raise GraftError(f"{run.path} has no errors to explain: say with inputs=… what is to be explained.")
    cfg = with_data(as_one_process(run.load_config()), data)
    datamodule = build_datamodule(cfg, build_backbone(cfg))
    run.keep_splits({split: datamodule.sample_ids(split) for split in datamodule.splits})  # or says what has changed
    rows = {name: row for row, name in enumerate(datamodule.table.ids)}
    return Worst(ids, Picked(datamodule.table.load, np.array([rows[name] for name in ids])))


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
