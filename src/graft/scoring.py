"""Scoring a task on a split: one way for the end of a training and for `graft evaluate`, so that they agree."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytorch_lightning as pl
from rich.progress import track
from torch import Tensor

from graft.data.datamodule import DataModule
from graft.data.table import Kind
from graft.runs.atomic import replacing
from graft.runs.checkpoints import AtomicCheckpointIO
from graft.runs.folder import RunFolder
from graft.runs.rank import rank
from graft.tasks import Task
from graft.tasks.intervals import bootstrap_intervals, scores_by
from graft.tasks.predictions import Predictions

log = logging.getLogger(__name__)


def load_checkpoint(task: Task, path: Path) -> None:
    """Puts a checkpoint's weights into a task; nothing but tensors and plain values is read."""
    task.load_state_dict(AtomicCheckpointIO().load_checkpoint(path)["state_dict"])
    log.info("the trained weights are in their place: %s", path.name)


def step_of(path: Path) -> int:
    """Returns the number of optimizer steps behind a checkpoint."""
    return int(AtomicCheckpointIO().load_checkpoint(path)["global_step"])


def score(trainer: pl.Trainer, task: Task, datamodule: DataModule, split: str) -> dict[str, float]:
    """Returns `<split>/<metric>` over all samples of a split, without augmentation.

    The task's `predictions` are those of this split afterwards.
    """
    datamodule.trainer = trainer
    trainer.test(task, dataloaders=datamodule.eval_dataloader(split), verbose=False)
    return {f"{split}/{name}": value for name, value in task.scores.items()}


def prediction_table(predictions: Predictions, datamodule: DataModule, split: str) -> pa.Table:
    """Tabulates one row a sample.

    Columns: `id`, `split`; `target` and `prediction`, or of several labels or values `target/<name>` and
    `prediction/<name>`; `probability/<class or label>`; `facet/<name>`, by what scores are broken down.
    """
    rows = predictions.index.tolist()
    table = datamodule.table
    columns = {
        "id": pa.array([table.ids[row] for row in rows]),
        "split": pa.array([split] * len(rows)),
        **_targets(predictions, datamodule),
        **predicted_columns(predictions.values, table.classes, table.kind),
    }
    for name, values in table.facets.items():
        columns[f"facet/{name}"] = pa.array([str(value) for value in values[rows]])
    return pa.table(columns)


def detailed_scores(task: Task, datamodule: DataModule, split: str, resamples: int) -> dict[str, Any]:
    """Returns what the scores of the split that was scored last hide: their chance, and where they come from.

    `intervals` by metric, of 95 %; `facets` by name and value, each with all metrics and the number of samples.
    """
    predictions, facets = task.predictions, datamodule.table.facets
    rows = predictions.index.numpy()
    shown = partial(track, description=f"Resampling {split}", transient=True)
    drawn = {"resamples": resamples, "seed": datamodule.seed}
    return {
        "split": split,
        **drawn,
        "intervals": bootstrap_intervals(task.metrics, predictions, **drawn, steps=shown) if resamples else {},
        "facets": {name: scores_by(task.metrics, predictions, values[rows]) for name, values in facets.items()},
    }


def _targets(predictions: Predictions, datamodule: DataModule) -> dict[str, pa.Array]:
    classes, target = datamodule.classes, predictions.target.numpy()
    match datamodule.kind:
        case Kind.SINGLE_LABEL:
            return {"target": pa.array(classes).take(pa.array(target))}
        case Kind.MULTI_LABEL:
            return {f"target/{name}": pa.array(target[:, number] > 0) for number, name in enumerate(classes)}
        case Kind.REGRESSION:
            return {f"target/{name}": pa.array(target[:, number]) for number, name in enumerate(classes)}


def predicted_columns(values: Tensor, classes: Sequence[str], kind: Kind) -> dict[str, pa.Array]:
    """Tabulates predictions `(n, classes)`: each probability or value.

    Before them, of single labels `prediction`, the likeliest class; of several, `prediction/<label>`, true or false.
    """
    prefix = "prediction" if kind is Kind.REGRESSION else "probability"
    columns = {f"{prefix}/{name}": pa.array(values[:, number].numpy()) for number, name in enumerate(classes)}
    if kind is Kind.REGRESSION:
        return columns
    if kind is Kind.MULTI_LABEL:
        said = {
            f"prediction/{name}": pa.array((values[:, number] > 0.5).numpy()) for number, name in enumerate(classes)
        }
        return {**said, **columns}
    return {"prediction": pa.array(classes).take(pa.array(values.argmax(dim=1).numpy())), **columns}


def save_predictions(run: RunFolder, tables: Sequence[pa.Table]) -> None:
    """Writes `predictions.parquet`, the tables one below the other; of several processes the first does it."""
    if rank() == 0:
        with replacing(run.predictions) as temporary:
            pq.write_table(pa.concat_tables(tables), temporary)
