"""What is found before the training, and takes the place of a value in the config: batch size, learning rate."""

import json
import logging
import os
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from graft.batch_finding import find_batch_size
from graft.config.places import with_absolute_paths
from graft.errors import ConfigError
from graft.rate_finding import find_rate
from graft.runs.folder import RunFolder
from graft.runs.rank import rank
from graft.runs.signals import SignalHandler

log = logging.getLogger(__name__)

_FINDERS: dict[str, tuple[str, Callable[[DictConfig, SignalHandler], dict[str, Any]]]] = {
    "batch_size": ("datamodule.batch_size", find_batch_size),  # first: the rate is for this batch
    "lr": ("optimizer.lr", find_rate),
}


def with_found(run: RunFolder, cfg: DictConfig, handler: SignalHandler) -> DictConfig:
    """Returns the config with what `find` asks for in its place, and keeps it so in the run folder.

    The run is then the same as one that was given the value. Each finding lies in `find.json` at once, so that neither
    a resumed run nor the other processes of a distributed one search again.

    Raises:
        ConfigError: A value cannot be found for a training like this one.
        GraftError: None is found.
    """
    found: dict[str, Any] = json.loads(run.found.read_text()) if run.found.exists() else {}
    for name, (key, find) in _FINDERS.items():
        if OmegaConf.select(cfg, f"find.{name}") is None:
            continue
        if name not in found:
            _check_alone(cfg, name, key)
            found[name] = find(cfg, handler)
            run.save_json(run.found, found)
        _draw(run, found)
        log.info("find.%s: %s=%s takes the place of %s", name, key, found[name]["chosen"], found[name]["before"])
        OmegaConf.update(cfg, key, found[name]["chosen"])
        cfg.find[name] = None
        run.save_config(with_absolute_paths(cfg))
    return cfg


def _check_alone(cfg: DictConfig, name: str, key: str) -> None:
    """One process searches, before the trainer starts others; what one of several can hold is another question."""
    others = int(os.environ.get("WORLD_SIZE", "1")) > 1 or int(os.environ.get("SLURM_NTASKS", "1")) > 1
    if others or cfg.trainer.num_nodes != 1:
        raise ConfigError(
            f"find.{name}: a launcher has started several processes, and one alone searches. Find it in a run of one"
            f" process (trainer.max_epochs=1), then give it to this one: {key}=…"
        )
    devices = cfg.trainer.devices
    if name == "batch_size" and str(devices) != "1" and not (OmegaConf.is_list(devices) and len(devices) == 1):
        raise ConfigError(
            f"find.batch_size: trainer.devices={devices}, but what one device can hold is looked for. Find it with"
            " trainer.devices=1 and trainer.strategy=auto, and take it times the number of devices:"
            " datamodule.batch_size is that of all together."
        )


def _draw(run: RunFolder, found: dict[str, Any]) -> None:
    if rank() == 0:
        from graft.reports.choices import of_found
        from graft.reports.drawing import save_png, style

        with style():
            for name, figure in of_found(found):
                save_png(figure, run.picture_of(name))
