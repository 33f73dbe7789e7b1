"""What a backbone, or the part of it that has not learnt yet, makes of each sample, computed once."""

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
from omegaconf import DictConfig
from rich.filesize import decimal
from torch import Tensor

from graft.backbones.upper import NotCut
from graft.data import DataModule, Known
from graft.data.table import Rows
from graft.features.key import identity
from graft.kept import cache_settings, known_features
from graft.strategies.spans import Span, spans
from graft.tasks import Task

log = logging.getLogger(__name__)


class _Run(NamedTuple):
    """What it takes to compute features."""

    cfg: DictConfig
    trainer: pl.Trainer
    task: Task
    datamodule: DataModule


def precompute_features(
    cfg: DictConfig,
    trainer: pl.Trainer,
    task: Task,
    datamodule: DataModule,
    splits: Iterable[str],
    epochs: int | None = None,
) -> None:
    """Puts features in the place of inputs, in the epochs in which the backbone or its lower stages are frozen.

    Nothing happens where `cache.enabled` is false. Augmented samples are new in each epoch: where there is
    augmentation, the training split stays as it is, unless `cache.views` says how many views stand for all. So do the
    others where each of their samples is looked at in several ways.

    Args:
        cfg: Of the run.
        trainer: Says where to compute, and how precisely.
        task: With the weights that the run starts from.
        datamodule: Is given the features.
        splits: Those that will be asked for.
        epochs: How many there will be; -1: nobody knows; None: the training is over.
    """
    settings = cache_settings(cfg)
    whole = task.backbone.stages[-1].name
    serving = [span for span in spans(task.strategy) if _serves(span, span.stage == whole, epochs, settings)]
    if not settings["enabled"] or not serving:
        return
    if not task.backbone.is_alike_in_any_batch(datamodule.example()):
        log.info("what the backbone makes of a text depends on the others in its batch: nothing is kept of it")
        return
    known: dict[str, list[Known]] = {split: [] for split in splits}
    views = _views(settings, datamodule) if "train" in known else 0
    run = _Run(cfg, trainer, task, datamodule)
    for span in serving:
        of = _known if span.stage == whole else _known_inside
        in_span = of(run, span, list(known), views)
        for split, values in in_span.items():
            known[split].append(values)
    datamodule.use_features(known)


def _known(
    run: _Run, span: Span, splits: Iterable[str], views: int, bytes_of_one: int | None = None
) -> dict[str, Known]:
    """What is known of each split in a span."""
    behind = None if bytes_of_one is None else span.stage
    stay = [split for split in splits if _stays(split, span, run.task, run.datamodule)]
    found = known_features(*run, stay, span.stage, bytes_of_one)
    masked = behind is not None and run.datamodule.tokens(run.datamodule.splits["train"]) is not None
    known = {
        split: Known(values, behind, span.begins, span.ends, with_inputs=masked) for split, values in found.items()
    }
    if views:
        seen = known_features(*run, ["train"], span.stage, bytes_of_one, views)
        known["train"] = Known(seen["train"], behind, span.begins, span.ends, views)
    return known


def _known_inside(run: _Run, span: Span, splits: list[str], views: int) -> dict[str, Known]:
    """The same of a stage inside the backbone, where that is possible and has room."""
    rows = run.datamodule.splits
    stay = [split for split in splits if _stays(split, span, run.task, run.datamodule)]
    if not views and "train" not in stay:  # to spare the validation alone is not worth the room
        return {}
    every = np.concatenate([rows[split] for split in (*stay, *["train"] * views)])
    size = _size_inside(span.stage, cache_settings(run.cfg), run.task, run.datamodule, every)
    return _known(run, span, splits, views, size) if size else {}


def _stays(split: str, span: Span, task: Task, datamodule: DataModule) -> bool:
    """Whether each sample of a split goes into the backbone in one form only, and is asked for in the span."""
    if split == "train":
        same = identity(datamodule.preprocess(True)) == identity(datamodule.preprocess(False))
        return same and not datamodule.varies
    return not task.test_time_augmentation and (split != "test" or span.ends is None)


def _views(settings: dict[str, Any], datamodule: DataModule) -> int:
    """How many augmented views of each training sample are kept."""
    if not datamodule.varies:
        return 0
    if datamodule.mix:
        log.info("augmentation mixes training samples anew in each epoch: what the backbone makes of them is not kept")
        return 0
    if settings["views"] is None:
        log.info(
            "augmentation makes new training samples in each epoch, and what the backbone makes of them is not kept;"
            " cache.views=10 would keep ten of each and show them in turn"
        )
        return 0
    return int(settings["views"])


def _serves(span: Span, whole: bool, epochs: int | None, settings: dict[str, Any]) -> bool:
    """Whether there is use for it; activations inside the backbone take much room, so they must be, for long enough."""
    if epochs is None:
        return whole and span.ends is None
    ends = span.ends or (epochs if epochs >= 0 else None)
    return whole or ends is None or ends - span.begins >= settings["min_epochs"]


def _size_inside(stage: str, settings: dict[str, Any], task: Task, datamodule: DataModule, rows: Rows) -> int:
    """Makes the backbone ready to go on from a stage; returns the bytes of its activation, 0: it cannot be.

    They are of a sample, or of a token where texts were cut into tokens.
    """
    example = datamodule.example()
    tokens = datamodule.tokens(rows)
    if tokens is None and not isinstance(example, Tensor):
        log.info("of texts that are new in each epoch nothing is kept of what single stages make of them")
        return 0
    try:
        activation = task.backbone.enter(stage, example)
    except NotCut as error:
        log.info("the backbone runs whole in each epoch, as it cannot be entered %s", error)
        return 0
    size = int(activation[0].nbytes if tokens is None else activation[0, 0].nbytes)
    total = size * (len(rows) if tokens is None else int(tokens.sum()))
    if total > settings["max_gb"] * 1e9:
        log.info(
            "what %s makes of all samples would take %s: the backbone runs whole in each epoch (cache.max_gb=%g)",
            *(stage, decimal(total), settings["max_gb"]),
        )
        return 0
    return size
