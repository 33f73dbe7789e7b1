"""What experiment trackers are told of a run, beside the metrics."""

import logging
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from graft.config.flat import flattened
from graft.config.instantiate import build_all
from graft.runs.folder import RunFolder
from graft.runs.secrets import redact_tree
from graft.runs.surviving import surviving
from graft.runs.wandb_run import WandbRun

log = logging.getLogger(__name__)


def build_trackers(cfg: DictConfig) -> list[Logger]:
    """Begins the run at every tracker of the config; whatever befalls one later, the training goes on.

    Raises:
        GraftError: What the user can mend, such as a wrong key.
    """
    return [surviving(logger) for logger in build_all(cfg.logger).values()]


def describe_to_trackers(run: RunFolder, cfg: DictConfig, trainer: pl.Trainer) -> None:
    """Tells the trackers what the run is: every choice and value under the name that the command line has for it."""
    told = redact_tree(description(run, cfg))
    for logger in trainer.loggers:
        logger.log_hyperparams(told)


def description(run: RunFolder, cfg: DictConfig) -> dict[str, Any]:
    """Returns the choices of groups (`backbone`), values (`optimizer.lr`), state of the code (`git.…`) and `folder`."""
    environment = run.load_environment()
    git = environment["sessions"][-1]["git"] if environment["sessions"] else {}
    changed = git.get("changed")
    return {
        **environment["choices"],
        **flattened(cfg),
        "git.commit": git.get("commit"),
        "git.changed": None if changed is None else len(changed),  # files; environment.json has their names
        "git.diff_sha256": git.get("diff_sha256"),
        "folder": str(run.path),
    }


def keep_checkpoint(run: RunFolder, trainer: pl.Trainer) -> None:
    """Lets the trackers that want it have the best checkpoint of a run with a summary; one that fails warns."""
    for logger in trainer.loggers:
        if isinstance(logger, WandbRun):
            try:
                logger.keep(run)
            except Exception as error:
                log.warning("the best checkpoint is no artifact: %s: %s", type(error).__name__, error)
