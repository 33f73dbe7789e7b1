"""What a run trained with, from the run folder alone: its task with the trained weights, the place of its data."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from graft.backbones import Backbone
from graft.build import as_one_process, build_backbone, build_strategy, build_task
from graft.data.table import Kind, Targets
from graft.errors import ConfigError
from graft.runs.folder import RunFolder
from graft.scoring import load_checkpoint
from graft.tasks import Task

_PLACES = ("root", "path", "folder")  # what datamodules call the place of their data


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


def with_data(cfg: DictConfig, data: str | None) -> DictConfig:
    """Says where the data are; whether they are the run's is seen when they are split.

    Raises:
        ConfigError: They are not where the run found them, or lie in a package and cannot be elsewhere.
    """
    key = next((key for key in _PLACES if key in cfg.datamodule), None)
    if data is not None:
        if key is None:
            raise ConfigError(
                f"data={data}: those of datamodule={cfg.datamodule.name} come in a package: leave it out."
            )
        cfg.datamodule[key] = str(data if "://" in data else Path(data).expanduser().absolute())
    elif key is not None and not _is_there(cfg.datamodule, key):
        where = cfg.datamodule[key]
        raise ConfigError(f"the run's data are not at {where} any more: say with data=… where they are now.")
    return cfg


def _is_there(datamodule: DictConfig, key: str) -> bool:
    where = str(datamodule[key])
    return "://" in where or bool(datamodule.get("download")) or Path(where).exists()
