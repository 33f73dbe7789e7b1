"""What a backbone, or the part of it that has not learnt yet, makes of each sample, computed once."""

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from rich.filesize import decimal
from torch import Tensor

from graft.backbones.upper import NotCut
from graft.config.places import with_absolute_paths
from graft.data.datamodule import DataModule, Known
from graft.features import Features, Store, cache_folder, extracting, identity, key_of, parts_with
from graft.strategies import Strategy
from graft.tasks import Task

log = logging.getLogger(__name__)

_DEFAULTS = {"enabled": True, "folder": None, "min_epochs": 3, "max_gb": 10}  # of runs from before there were choices


class Span(NamedTuple):
    """Epochs in which nothing up to a stage has learnt yet.

    Attributes:
        stage: The last one that is frozen.
        begins: The first epoch.
        ends: The one behind the last; None: it holds when the training is over, too.
    """

    stage: str
    begins: int
    ends: int | None


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
    augmentation, the training split stays as it is. So do the others where each of their samples is looked at in
    several ways.

    Args:
        cfg: Of the run.
        trainer: Says where to compute, and how precisely.
        task: With the weights that the run starts from.
        datamodule: Is given the features.
        splits: Those that will be asked for.
        epochs: How many there will be; -1: nobody knows; None: the training is over.
    """
    settings = _settings(cfg)
    whole = task.backbone.stages[-1].name
    serving = [span for span in spans(task.strategy) if _serves(span, span.stage == whole, epochs, settings)]
    if not settings["enabled"] or not serving:
        return
    varies = datamodule.varies or identity(datamodule.preprocess(True)) != identity(datamodule.preprocess(False))
    if datamodule.varies:
        log.info("augmentation makes training samples new in each epoch: what the backbone makes of them is not kept")
    known = [split for split in splits if not (varies if split == "train" else task.test_time_augmentation)]
    parts: dict[str, list[Known]] = {split: [] for split in known}
    for span in serving:
        of_span = [split for split in known if split != "test" or span.ends is None]
        size = None if span.stage == whole else _size_inside(span.stage, settings, task, datamodule, of_span)
        if size == 0:
            continue
        features = known_features(cfg, trainer, task, datamodule, of_span, span.stage, size)
        for split, values in features.items():
            behind = None if span.stage == whole else span.stage
            parts[split].append(Known(values, behind, span.begins, span.ends))
    datamodule.use_features(parts)


def spans(strategy: Strategy) -> list[Span]:
    """Returns the epochs in which something can be known beforehand, ascending."""
    if not strategy.phases:
        return [Span(strategy.stages[-2], 0, None)]
    starts = [*strategy.starts(), None]
    found: list[Span] = []
    for number in range(len(strategy.phases)):
        stage, begins, ends = strategy.boundary(number), starts[number] or 0, starts[number + 1]
        if found and found[-1].stage == stage:
            found[-1] = found[-1]._replace(ends=ends)
        elif stage is not None:
            found.append(Span(stage, begins, ends))
    return found


def _settings(cfg: DictConfig) -> dict[str, Any]:
    chosen: Any = OmegaConf.to_container(OmegaConf.select(cfg, "cache", default=OmegaConf.create()), resolve=True)
    return {**_DEFAULTS, **chosen}


def _serves(span: Span, whole: bool, epochs: int | None, settings: dict[str, Any]) -> bool:
    """Whether there is use for it; activations inside the backbone take much room, so they must be, for long enough."""
    if epochs is None:
        return whole and span.ends is None
    ends = span.ends or (epochs if epochs >= 0 else None)
    return whole or ends is None or ends - span.begins >= settings["min_epochs"]


def _size_inside(
    stage: str, settings: dict[str, Any], task: Task, datamodule: DataModule, splits: Iterable[str]
) -> int:
    """Makes the backbone ready to go on from a stage; returns the bytes of a sample's activation, 0: it cannot be."""
    rows = np.concatenate([datamodule.splits[split] for split in splits])
    example = next(iter(datamodule.loader_of(rows[:2])))["inputs"]
    if not isinstance(example, Tensor):
        log.info("of texts only the features are kept, not what single stages make of them")
        return 0
    try:
        activation = task.backbone.enter(stage, example)
    except NotCut as error:
        log.info("the backbone runs whole in each epoch, as it cannot be entered %s", error)
        return 0
    size = int(activation[0].nbytes)
    if size * len(rows) > settings["max_gb"] * 1e9:
        log.info(
            "what %s makes of all samples would take %s: the backbone runs whole in each epoch (cache.max_gb=%g)",
            *(stage, decimal(size * len(rows)), settings["max_gb"]),
        )
        return 0
    return size


def known_features(
    cfg: DictConfig,
    trainer: pl.Trainer,
    task: Task,
    datamodule: DataModule,
    splits: Iterable[str],
    stage: str | None = None,
    bytes_of_one: int | None = None,
) -> dict[str, Features]:
    """Returns the features of the samples of splits as they are, from the cache or computed and kept there.

    With a stage, it is what this stage makes of the samples, of so many bytes each.
    """
    last = task.backbone.stages[-1].name
    rows = {split: datamodule.splits[split] for split in splits}
    if not rows:
        return {}
    every = np.concatenate(list(rows.values()))
    digests, store = datamodule.table.digests, None
    if digests is None:
        log.info("datamodule=%s has no hashes of its samples: features stay in memory", datamodule.name)
        digests = np.arange(len(datamodule.table.ids), dtype=np.uint64)
    elif _settings(cfg)["enabled"]:
        store = _store(cfg, trainer, task, datamodule, stage or last)
    inner = None if stage == last else stage
    with ExitStack() as stack:

        @cache  # the backbone goes to its device only where something is missing
        def extractor() -> Any:
            device, precision = trainer.strategy.root_device, trainer.precision_plugin.forward_context
            return stack.enter_context(extracting(task.backbone, device, precision, inner))

        def compute(positions: NDArray[np.int64], advance: Callable[[int], None]) -> Tensor:
            wanted = every[positions]
            ascending = np.argsort(wanted)
            values: Tensor | None = None
            for index, features in extractor()(datamodule.loader_of(wanted)):
                values = features.new_empty((len(wanted), *features.shape[1:])) if values is None else values
                places = ascending[np.searchsorted(wanted, index.numpy(), sorter=ascending)]
                values[torch.from_numpy(places)] = features
                advance(len(index))
            assert values is not None
            return values

        parts = parts_with(digests[every], store, bytes_of_one or 4 * task.backbone.num_features, compute)
    return {split: Features(parts, digests[of_split]) for split, of_split in rows.items()}


def _store(cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule, stage: str) -> Store:
    chosen = _settings(cfg)["folder"]
    root = cache_folder() if chosen is None else Path(chosen).expanduser()
    settings: Any = OmegaConf.to_container(with_absolute_paths(cfg).backbone, resolve=True)
    device = trainer.strategy.root_device.type
    key = key_of(task.backbone, settings, datamodule.preprocess(False), str(trainer.precision), device, stage)
    return Store(key, root)
