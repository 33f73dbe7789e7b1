"""The worst errors of a split, with what they look like: one would rather look at them than read of them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graft.data.datamodule import DataModule
from graft.data.pictures import is_image, thumbnail
from graft.data.table import Kind
from graft.runs.atomic import replacing
from graft.runs.folder import RunFolder
from graft.tasks.predictions import Predictions

_MOST = 24
_CHARACTERS = 2000  # of a text; a report is no archive


def save_worst(run: RunFolder, predictions: Predictions, datamodule: DataModule) -> None:
    """Writes `errors.parquet`, worst first: `id`, and `text` or `image` (JPEG)."""
    errors = wrongness(predictions, datamodule)
    order = [position for position in np.argsort(-errors, kind="stable")[:_MOST] if errors[position] > 0]
    rows = predictions.index[order].tolist()
    samples = [datamodule.table.load(row) for row in rows]
    columns = {
        "id": pa.array([datamodule.table.ids[row] for row in rows], pa.string()),
        "text": pa.array([each[:_CHARACTERS] if isinstance(each, str) else None for each in samples], pa.string()),
        "image": pa.array([thumbnail(each) if is_image(each) else None for each in samples], pa.binary()),
    }
    with replacing(run.errors) as temporary:
        pq.write_table(pa.table(columns), temporary)


def wrongness(predictions: Predictions, datamodule: DataModule) -> NDArray[np.float64]:
    """Returns how wrong each prediction is, (n,); 0 where it is right.

    Of classes, how much likelier the predicted one was held than the true one; of labels, how far the worst of those
    that were said wrongly is from the truth; of values, the distance in standard deviations of the training targets.
    """
    values, target = predictions.values.double().numpy(), predictions.target.numpy()
    match datamodule.kind:
        case Kind.SINGLE_LABEL:
            return np.asarray(values.max(axis=1) - values[np.arange(len(target)), target])
        case Kind.MULTI_LABEL:
            far = np.abs(values - target)
            return np.asarray(np.where(far > 0.5, far, 0).max(axis=1))
        case Kind.REGRESSION:
            return np.asarray((np.abs(values - target) / datamodule.targets().std).max(axis=1))
