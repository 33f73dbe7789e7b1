"""`graft predict`: what a run's model says of new samples, from its run folder alone."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import torch
from omegaconf import DictConfig
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import RichProgressBar
from torch import Tensor
from torch.utils.data import DataLoader

from graft.build import build_trainer
from graft.data.carried import carried_columns
from graft.data.inputs import Inputs, bad_names, read_inputs
from graft.data.samples import as_is, plain
from graft.data.sampling import EvaluationBatches
from graft.data.table import Table, Targets
from graft.errors import ConfigError, GraftError, many
from graft.expected_warnings import ignore_expected_warnings
from graft.reports.terminal import predictions_table, rendered
from graft.restoring import restored_task, told_targets
from graft.runs.atomic import replacing
from graft.runs.folder import RunFolder
from graft.runs.log import logging_to
from graft.runs.signals import signals
from graft.scoring import predicted_columns
from graft.tasks import Task

log = logging.getLogger(__name__)

_NAMED = 5  # bad inputs to name in a message
_SHOWN = 5  # predictions


def predict(cfg: DictConfig) -> Path:
    """Predicts all inputs and writes a table with one row for each, in their order.

    Returns:
        The path of the table: `id`; `prediction` and `probability/<class>`, or what else is predicted; `error`, why an
        input could not be read; `input/<column>`, what the table of the inputs holds.

    Raises:
        GraftError: The folder is no run, there is nothing to predict, or the output exists.
    """
    run = RunFolder.open(cfg.run)
    output = _output(cfg, run)
    path = path_of(cfg.inputs)
    with signals(), logging_to(run.log):
        description = run.load_data()
        targets, samples_are = told_targets(description), description["samples_are"]
        inputs = read_inputs(path, samples_are, column_of(cfg, run.load_config().datamodule, samples_are))
        carried = carried_columns(path, cfg.carry)
        warn_of_bad(inputs, str(cfg.inputs))
        values = predicted(run, cfg.checkpoint, inputs)
        table = tabulated(inputs, values, targets)
        save_beside(output, table, carried, path)
        log.info("%s", rendered(predictions_table(table.slice(0, _SHOWN).to_pylist(), len(table))))
        log.info("%d of %s predicted", len(inputs.table.ids), many(len(inputs.ids), "input"))
        print(f"predictions: {output}")
    return output


def predicted(run: RunFolder, checkpoint: str, inputs: Inputs) -> Tensor:
    """Returns predictions of the good inputs, `(n, classes)`."""
    ignore_expected_warnings()
    cfg, task = restored_task(run, checkpoint)
    trainer = build_trainer(cfg, callbacks=[RichProgressBar(leave=False)], loggers=[])
    return predictions_of(inputs.table, trainer, task, cfg.datamodule.eval_batch_size)


def path_of(inputs: str) -> Path:
    """Returns where the inputs lie.

    Raises:
        ConfigError: Not on this machine.
    """
    if "://" in inputs:
        raise ConfigError(f"inputs={inputs} is an address: download what is there, and name the file or folder.")
    return Path(inputs).expanduser()


def column_of(cfg: DictConfig, trained_on: DictConfig, samples_are: str) -> str:
    """Returns which column of a table holds the samples: the one that is said, that of the training, or the usual."""
    known = trained_on.get("columns", {}).get("sample") or trained_on.get("sample")
    return str(cfg.get("column") or known or ("text" if samples_are == "texts" else "path"))


def predictions_of(table: Table, trainer: Trainer, task: Task, batch_size: int) -> Tensor:
    """Returns predictions of a table's samples, `(n, classes)`, in the precision of the trainer."""
    preprocess = task.backbone.preprocess(train=False)
    rows = torch.arange(len(table.ids)).numpy()
    samples = plain(table, rows, preprocess)
    if (prepare := getattr(preprocess, "prepare", None)) is not None:  # as for training; it counts what is too long
        prepared = prepare(table.load, len(table.ids))
        table = replace(table, load=prepared, lengths=prepared.lengths)
        samples = replace(samples, table=table, transform=as_is)
    batches = EvaluationBatches(samples, batch_size=batch_size, world=1, rank=0, lengths=table.lengths)
    outcome = trainer.predict(task, DataLoader(samples, batch_sampler=batches, collate_fn=as_is))
    index, values = (torch.cat([part.cpu() for part in parts]) for parts in zip(*(outcome or []), strict=True))
    return values[index.argsort()]


def tabulated(inputs: Inputs, values: Tensor, targets: Targets) -> pa.Table:
    """Returns one row for each input, bad ones too: there nothing is predicted.

    Args:
        inputs: n, in their order.
        values: of the good ones.
        targets: what is predicted.
    """
    reasons = dict(inputs.bad)
    good = iter(range(len(values)))
    place = pa.array([None if name in reasons else next(good) for name in inputs.ids], pa.int64())
    columns = predicted_columns(values, targets.classes, targets.kind)
    return pa.table(
        {
            "id": pa.array(inputs.ids),
            **{name: column.take(place) for name, column in columns.items()},
            "error": pa.array([reasons.get(name) for name in inputs.ids], pa.string()),
        }
    )


def beside(table: pa.Table, carried: Iterator[pa.RecordBatch], path: Path) -> Iterator[pa.Table]:
    """Yields a table in parts, with what is known of its rows beside as `input/<column>`.

    Args:
        table: n rows.
        carried: n rows in parts.
        path: where they come from, for messages.

    Raises:
        GraftError: they are not n rows.
    """
    done = 0
    for batch in carried:
        part = table.slice(done, len(batch))
        done += len(batch)
        if len(part) == len(batch):
            columns = zip(batch.schema.names, batch.columns, strict=True)
            yield pa.table({**_columns(part), **{f"input/{name}": column for name, column in columns}})
    if done != len(table):
        raise GraftError(
            f"{path} had {many(len(table), 'row')} when their texts or paths were read, and has {done} now: leave the"
            " file as it is meanwhile."
        )


def save_beside(output: Path, table: pa.Table, carried: Iterator[pa.RecordBatch] | None, path: Path) -> None:
    """Saves predictions with the columns that come along; where these cannot be read any more, without them.

    Raises:
        GraftError: they cannot; it says where the predictions are.
    """
    try:
        save(output, iter([table]) if carried is None else beside(table, carried, path))
    except (GraftError, OSError) as error:
        if carried is None:
            raise
        save(output, iter([table]))
        raise GraftError(f"{error}\nThe predictions are in {output}, without the columns of {path}.") from error


def save(path: Path, parts: Iterator[pa.Table]) -> None:
    """Writes CSV or Parquet, as the name says; of the parts, one at a time is in memory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_csv = path.suffix.lower() == ".csv"
    if is_csv:
        parts = (pa.table({name: _flat(column) for name, column in _columns(part).items()}) for part in parts)
    first = next(parts)
    with (
        replacing(path) as temporary,
        (pa.csv.CSVWriter if is_csv else pa.parquet.ParquetWriter)(temporary, first.schema) as writer,
    ):
        for part in chain([first], parts):
            writer.write_table(part)


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _flat(column: pa.ChunkedArray) -> Any:
    """Lists and the like, which a cell of CSV cannot hold, as they are written in Python."""
    if not pa.types.is_nested(column.type):
        return column
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _output(cfg: DictConfig, run: RunFolder) -> Path:
    if cfg.output is None:
        return run.path / "predictions" / f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S-%f}_{Path(cfg.inputs).stem}.parquet"
    output = Path(cfg.output).expanduser().absolute()
    if output.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"output={cfg.output}: name a .csv or a .parquet file.")
    if output.exists():
        raise ConfigError(f"output={cfg.output} exists already: choose another name.")
    return output


def warn_of_bad(inputs: Inputs, where: str) -> None:
    """Names some of the inputs that cannot be read, in a warning."""
    if not inputs.bad:
        return
    names = bad_names(inputs, Path(where).expanduser(), _NAMED)
    named = "".join(f"\n  {name}: {file.reason}" for name, file in zip(names, inputs.bad, strict=False))
    more = f"\n  … and {len(inputs.bad) - _NAMED} more" if len(inputs.bad) > _NAMED else ""
    log.warning(
        "%d of %s in %s cannot be read:%s%s", len(inputs.bad), many(len(inputs.ids), "input"), where, named, more
    )
