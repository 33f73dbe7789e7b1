"""Features computed once for a backbone that never learns; one way for training and for `graft evaluate`."""

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from graft.config.places import with_absolute_paths
from graft.data.datamodule import DataModule
from graft.features import Features, Store, cache_folder, extracting, identity, key_of, parts_with
from graft.tasks import Task

log = logging.getLogger(__name__)


def precompute_features(
    cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule, splits: Iterable[str]
) -> None:
    """Puts features in the place of inputs, where the strategy trains the head alone and `cache.enabled` says so.

    Augmented samples are new in each epoch: where there is augmentation, the training split stays as it is. So do the
    others where each of their samples is looked at in several ways.
    """
    if not task.strategy.trains_only_the_head or not enabled(cfg):
        return
    varies = datamodule.varies or identity(datamodule.preprocess(True)) != identity(datamodule.preprocess(False))
    if datamodule.varies:
        log.info("augmentation makes training samples new in each epoch: their features cannot be computed once")
    known = [split for split in splits if not (varies if split == "train" else task.test_time_augmentation)]
    datamodule.use_features(known_features(cfg, trainer, task, datamodule, known))


def enabled(cfg: DictConfig) -> bool:
    """Whether features are kept; runs from before there was a choice keep them."""
    return bool(OmegaConf.select(cfg, "cache.enabled", default=True))


def known_features(
    cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule, splits: Iterable[str]
) -> dict[str, Features]:
    """Returns the features of the samples of splits as they are, from the cache or computed and kept there."""
    rows = {split: datamodule.splits[split] for split in splits}
    if not rows:
        return {}
    every = np.concatenate(list(rows.values()))
    digests, store = datamodule.table.digests, None
    if digests is None:
        log.info("datamodule=%s has no hashes of its samples: features stay in memory", datamodule.name)
        digests = np.arange(len(datamodule.table.ids), dtype=np.uint64)
    elif enabled(cfg):
        store = _store(cfg, trainer, task, datamodule)
    with ExitStack() as stack:

        @cache  # the backbone goes to its device only where something is missing
        def extractor() -> Any:
            device, precision = trainer.strategy.root_device, trainer.precision_plugin.forward_context
            return stack.enter_context(extracting(task.backbone, device, precision))

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

        parts = parts_with(digests[every], store, 4 * task.backbone.num_features, compute)
    return {split: Features(parts, digests[of_split]) for split, of_split in rows.items()}


def _store(cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule) -> Store:
    chosen = OmegaConf.select(cfg, "cache.folder", default=None)
    root = cache_folder() if chosen is None else Path(chosen).expanduser()
    settings: Any = OmegaConf.to_container(with_absolute_paths(cfg).backbone, resolve=True)
    device = trainer.strategy.root_device.type
    key = key_of(task.backbone, settings, datamodule.preprocess(False), str(trainer.precision), device)
    return Store(key, root)
