"""Scoring a task on a split: one way for the end of a training and for `graft evaluate`, so that they agree."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytorch_lightning as pl

from graft.data.datamodule import DataModule
from graft.runs.atomic import replacing
from graft.runs.checkpoints import AtomicCheckpointIO
from graft.runs.folder import RunFolder
from graft.runs.rank import rank
from graft.tasks import Task
from graft.tasks.predictions import Predictions


def load_checkpoint(task: Task, path: Path) -> None:
    """Puts a checkpoint's weights into a task; nothing but tensors and plain values is read."""
    task.load_state_dict(AtomicCheckpointIO().load_checkpoint(path)["state_dict"])


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
    """Tabulates one row a sample: `id`, `split`, `target`, `prediction`, and `probability/<class>` for each class."""
    classes = datamodule.classes
    names = pa.array(classes)
    columns = {
        "id": pa.array([datamodule.table.ids[row] for row in predictions.index.tolist()]),
        "split": pa.array([split] * len(predictions.index)),
        "target": names.take(pa.array(predictions.target.numpy())),
        "prediction": names.take(pa.array(predictions.probabilities.argmax(dim=1).numpy())),
    }
    for number, name in enumerate(classes):
        columns[f"probability/{name}"] = pa.array(predictions.probabilities[:, number].numpy())
    return pa.table(columns)


def save_predictions(run: RunFolder, tables: Sequence[pa.Table]) -> None:
    """Writes `predictions.parquet`, the tables one below the other; of several processes the first does it."""
    if rank() == 0:
        with replacing(run.predictions) as temporary:
            pq.write_table(pa.concat_tables(tables), temporary)
