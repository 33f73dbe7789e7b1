"""The task of a run with its trained weights, from the run folder alone."""

from typing import Any

from omegaconf import DictConfig

from graft.backbones import Backbone
from graft.build import as_one_process, build_backbone, build_strategy, build_task
from graft.data.table import Kind, Targets
from graft.runs.folder import RunFolder
from graft.scoring import load_checkpoint
from graft.tasks import Task


def restored_task(run: RunFolder, checkpoint: str) -> tuple[DictConfig, Task]:
    """Rebuilds what the run trained; its data need not be there.

    Args:
        run: Its folder.
        checkpoint: `best` | `last`.

    Returns:
        The run's config for one device, and the task.

    Raises:
        GraftError: The run had not read its data, or lacks the checkpoint.
    """
    targets = told_targets(run.load_data())
    path = run.checkpoint(checkpoint)
    cfg = as_one_process(run.load_config())
    backbone: Backbone = build_backbone(cfg)
    task = build_task(cfg, backbone, build_strategy(cfg, backbone), targets)
    load_checkpoint(task, path)
    return cfg, task


def told_targets(description: dict[str, Any]) -> Targets:
    """Returns what `data.json` says of the targets."""
    classes = list(description["classes"])
    # Mean and deviation of values are in the checkpoint; these only hold their places.
    return Targets(Kind(str(description["kind"])), classes, mean=[0.0] * len(classes), std=[1.0] * len(classes))
