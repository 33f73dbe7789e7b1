"""The head that a strategy solves for before the first epoch, or in the place of all epochs."""

import logging
from typing import Any

import numpy as np
import pytorch_lightning as pl
from omegaconf import DictConfig
from torch import Tensor, from_numpy
from torch.nn import CrossEntropyLoss

from graft.data import DataModule
from graft.data.table import Kind
from graft.errors import ConfigError
from graft.kept import known_features
from graft.runs.folder import RunFolder
from graft.strategies.solvers import Memorising
from graft.tasks import Classification, Task

log = logging.getLogger(__name__)


def check_start(task: Task, datamodule: DataModule) -> None:
    """Says at once what a solver could not do, or what it would not look at.

    Raises:
        ConfigError: The targets, the head, the sampler or the augmentation are not for it.
    """
    strategy = task.strategy
    if strategy.start is None and isinstance(task.head, Memorising):
        raise ConfigError(
            f"task.head is one that remembers samples and learns nothing, for strategy=knn; strategy={strategy.name}"
            " trains its head: take task/head=linear."
        )
    if strategy.start is None:
        return
    if datamodule.kind is not Kind.SINGLE_LABEL:
        raise ConfigError(f"strategy={strategy.name} solves for a classifier; targets are of kind {datamodule.kind}.")
    strategy.start.check(task.head)
    if datamodule.sampler == "balanced" and not strategy.phases:
        raise ConfigError(
            f"strategy={strategy.name} sees each sample once, datamodule.sampler=balanced would have no effect on it:"
            " set task.class_weights=balanced instead."
        )
    if not strategy.phases and not _is_plain(task):
        raise ConfigError(
            f"strategy={strategy.name} solves for the head by a loss of its own and would not look at task.loss, which"
            " is not the plain cross-entropy: leave that as it is, or take strategy=feature_extraction."
        )
    if datamodule.varies and not strategy.phases:
        raise ConfigError(f"strategy={strategy.name} sees images as they are: set augmentation=none.")


def _is_plain(task: Task) -> bool:
    loss = getattr(task, "loss", None)
    return isinstance(loss, CrossEntropyLoss) and not loss.label_smoothing


def solve_head(cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule) -> dict[str, Any]:
    """Fills the task's head from the features of the training samples as they are.

    Returns:
        What the solver chose, see `Solver.solve`.
    """
    assert task.strategy.start is not None
    rows = datamodule.splits["train"]
    features = known_features(cfg, trainer, task, datamodule, ["train"])["train"].all
    targets = from_numpy(datamodule.table.targets[rows])
    found = task.strategy.start.solve(task.head, features, targets, _weights(task, datamodule, targets), cfg.seed)
    held_out = found["held_out_accuracy"]
    scored = f", accuracy of {max(held_out):.4f} on held-out training samples" if held_out else ""
    log.info("the head is solved for: %s = %.4g%s", found["setting"], found["chosen"], scored)
    return found


def _weights(task: Task, datamodule: DataModule, targets: Tensor) -> Tensor | None:
    """What each sample counts: its own weight times its class's."""
    own = datamodule.table.weights
    by_class = task.class_weights if isinstance(task, Classification) else None
    weights = None if own is None else from_numpy(np.asarray(own[datamodule.splits["train"]]))
    if isinstance(by_class, Tensor):
        weights = by_class[targets] * (1.0 if weights is None else weights)
    return weights


def keep_without_training(run: RunFolder, trainer: pl.Trainer, task: Task, datamodule: DataModule) -> None:
    """Validates the solved head and writes the checkpoints that a training would have written."""
    trainer.validate(task, datamodule=datamodule, verbose=False)
    for name in ("best.ckpt", "last.ckpt"):
        trainer.save_checkpoint(run.checkpoints / name)
