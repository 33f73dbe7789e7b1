"""What a frozen network makes of the samples of splits, from the cache or computed and kept there."""

import inspect
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cache
from hashlib import blake2b
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
from graft.data.split_samples import SplitSamples
from graft.features.build import parts_with
from graft.features.extract import extracting
from graft.features.key import key_of
from graft.features.parts import Features
from graft.features.store import Store, cache_folder
from graft.tasks import Task

log = logging.getLogger(__name__)


def cache_settings(cfg: DictConfig) -> dict[str, Any]:
    """Returns what stands under `cache`; in a run from before there was such a choice nothing is kept."""
    chosen: Any = OmegaConf.select(cfg, "cache", default={"enabled": False})
    return dict(chosen)


def root_of(settings: dict[str, Any]) -> Path:
    """Returns where all stores lie."""
    return cache_folder() if settings["folder"] is None else Path(settings["folder"]).expanduser()


def known_features(
    cfg: DictConfig,
    trainer: pl.Trainer,
    task: Task,
    datamodule: DataModule,
    splits: Iterable[str],
    stage: str | None = None,
    bytes_of_one: int | None = None,
    views: int = 0,
) -> dict[str, Features]:
    """Returns the features of the samples of splits, in the order of `datamodule.splits`.

    Args:
        cfg: Of the run.
        trainer: Says where to compute, and how precisely.
        task: With the weights that count.
        datamodule: Has the samples.
        splits: Their names.
        stage: What this one makes of the samples; None: the last.
        bytes_of_one: Size of what it makes of a sample, or of a token where texts were cut into tokens; None: of the
            features.
        views: So many augmented views of each sample, as in the first epochs, one epoch behind the other; 0: the
            samples as they are.
    """
    rows = {split: datamodule.splits[split] for split in splits}
    if not rows:
        return {}
    last = task.backbone.stages[-1].name
    inner = None if stage == last else stage
    store = _store(cfg, trainer, task, datamodule, stage or last, views)
    named = {split: _named(datamodule, of_split, views) for split, of_split in rows.items()}
    every, samples = np.concatenate(list(rows.values())), np.concatenate(list(named.values()))
    tokens = None if inner is None else datamodule.tokens(every)
    if tokens is not None:  # texts of a part are to be alike in length, as each takes the room of its longest
        order = np.argsort(tokens, kind="stable")
        every, samples, tokens = every[order], samples[order], tokens[order]
    with ExitStack() as stack:

        @cache  # the backbone goes to its device only where something is missing
        def extractor() -> Any:
            device, precision = trainer.strategy.root_device, trainer.precision_plugin.forward_context
            return stack.enter_context(extracting(task.backbone, device, precision, inner))

        def compute(positions: NDArray[np.int64], advance: Callable[[int], None]) -> Tensor:
            values: Tensor | None = None
            for view in np.unique(positions // len(every)).tolist():
                of_view = np.flatnonzero(positions // len(every) == view)
                wanted = every[positions[of_view] % len(every)]
                ascending = np.argsort(wanted)
                for index, features in extractor()(datamodule.loader_of(wanted, view if views else None)):
                    if values is None:
                        width = features.shape[1] if tokens is None else int(tokens[positions].max())
                        values = features.new_zeros((len(positions), width, *features.shape[2:]))
                    places = ascending[np.searchsorted(wanted, index.numpy(), sorter=ascending)]
                    values[torch.from_numpy(of_view[places]), : features.shape[1]] = features
                    advance(len(index))
            assert values is not None
            return values

        bytes_of_each = (bytes_of_one or 4 * task.backbone.num_features) * (1 if tokens is None else tokens)
        parts = parts_with(samples, store, bytes_of_each, compute)
    return {split: Features(parts, of_split) for split, of_split in named.items()}


def _named(datamodule: DataModule, rows: NDArray[np.int64], views: int) -> NDArray[np.uint64]:
    """Names of samples by their contents; of a view also by all that its randomness is drawn from."""
    contents = datamodule.contents(rows)
    if contents is None:
        log.info("datamodule=%s has no hashes of its samples: features stay in memory", datamodule.name)
        contents = rows.astype(np.uint64)
    if not views:
        return contents
    samples = list(zip(rows.tolist(), contents.tolist(), strict=True))
    drawn = np.array([(datamodule.seed, view, *sample) for view in range(views) for sample in samples], np.uint64)
    return np.array([int.from_bytes(blake2b(each.tobytes(), digest_size=8).digest()) for each in drawn], np.uint64)


def _store(
    cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule, stage: str, views: int
) -> Store | None:
    settings = cache_settings(cfg)
    if not settings["enabled"] or datamodule.contents(datamodule.splits["train"][:1]) is None:
        return None
    if not task.backbone.is_alike_in_any_batch(datamodule.example()):  # what is kept would hang on who computed it
        return None
    backbone: Any = OmegaConf.to_container(with_absolute_paths(cfg).backbone, resolve=True)
    preprocess, device = datamodule.preprocess(bool(views)), trainer.strategy.root_device.type
    makers = [*getattr(datamodule.augment, "transforms", [datamodule.augment])] if views else []
    key = key_of(task.backbone, backbone, preprocess, str(trainer.precision), device, stage, datamodule, makers)
    key = {**key, **own_settings(cfg, datamodule)}
    if views:
        augmentation = OmegaConf.to_container(cfg.augmentation, resolve=True)
        key = {**key, "augmentation": json.dumps(augmentation, sort_keys=True)}
    return Store(key, root_of(settings))


def own_settings(cfg: DictConfig, datamodule: DataModule) -> dict[str, str]:
    """Returns what a datamodule that is not Graft's may make samples by: its settings beside those that all have."""
    if type(datamodule).__module__.startswith("graft."):
        return {}
    chosen: Any = OmegaConf.to_container(with_absolute_paths(cfg).datamodule, resolve=True)
    shared = {"_target_", *inspect.signature(SplitSamples.__init__).parameters}
    own = {name: value for name, value in chosen.items() if name not in shared}
    return {"datamodule": repr(sorted(own.items()))}
