"""The stage that `strategy.stage: auto` stands for, picked on validation data by trying each."""

import json
import logging
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, open_dict

from graft.backbones.weights import RESTORED
from graft.build import (
    build_backbone,
    build_datamodule,
    build_strategy,
    build_task,
    build_trainer,
    in_one_process,
)
from graft.config.instantiate import build, build_all
from graft.config.places import with_absolute_paths
from graft.decoding import keep_images
from graft.errors import GraftError
from graft.interpolating import check_averages
from graft.runs.folder import RunFolder
from graft.runs.signals import SignalHandler
from graft.runs.stopping import EndAtOnce
from graft.seeding import SeedEachStep
from graft.starting import solve_head
from graft.strategies.callback import PhaseChanges
from graft.strategies.schedules import LooksAtValidation

log = logging.getLogger(__name__)

AUTO = "auto"


def with_stage_picked(run: RunFolder, cfg: DictConfig, handler: SignalHandler) -> DictConfig:
    """Returns the config with the stage in the place of `auto`, and keeps it so in the run folder.

    Each stage is trained for `strategy.trial_epochs` epochs as the run would train it, from the same start; the one
    with the best monitored metric on the validation split is taken. What was found lies in `stage_choice.json` after
    each trial, so that neither a resumed run nor the other processes of a distributed one try again.
    """
    if cfg.strategy.get("stage") != AUTO:
        return cfg
    found: dict[str, float] = json.loads(run.stage_choice.read_text()) if run.stage_choice.exists() else {}
    backbone = build_backbone(_lone(cfg, weights=RESTORED))
    names = [stage.name for stage in backbone.stages]
    check_averages(list(build_all(cfg.callbacks).values()), build_strategy(_lone(cfg, stage=names[0]), backbone))
    for number, name in enumerate(names, start=1):
        if name not in found:
            found[name] = _tried(_lone(cfg, stage=name), handler)
            run.save_json(run.stage_choice, found)
        log.info("stage %s (%d of %d): %s %.4f", name, number, len(names), cfg.monitor, found[name])
    best = (max if cfg.mode == "max" else min)(names, key=lambda name: found[name])
    log.info("strategy.stage=auto: %s validates best", best)
    cfg.strategy.stage = best
    run.save_config(with_absolute_paths(cfg))
    return cfg


def _lone(cfg: DictConfig, stage: str | None = None, weights: str | None = None) -> DictConfig:
    """The config of a trial: short, by one process, without anything that watches or writes."""
    cfg = in_one_process(cfg)
    with open_dict(cfg):
        cfg.trainer.max_epochs = cfg.trainer.check_val_every_n_epoch = cfg.strategy.trial_epochs
        cfg.trainer.max_steps = -1
        cfg.strategy.stage = stage
        cfg.backbone.weights = weights or cfg.backbone.weights
    return cfg


def _tried(cfg: DictConfig, handler: SignalHandler) -> float:
    pl.seed_everything(cfg.seed, verbose=False)
    backbone = build_backbone(cfg)
    strategy = build_strategy(cfg, backbone)
    datamodule = build_datamodule(cfg, backbone)
    task = build_task(cfg, backbone, strategy, datamodule.targets())
    callbacks: list[Any] = [
        PhaseChanges(strategy, task.stages),
        LooksAtValidation(),
        SeedEachStep(cfg.seed),
        EndAtOnce(handler),
    ]
    if cfg.callbacks.get("progress") is not None:
        callbacks.append(build(cfg.callbacks.progress))
    trainer = build_trainer(cfg, callbacks, loggers=[], enable_checkpointing=False)
    if strategy.start is not None:
        solve_head(cfg, trainer, task, datamodule)
    keep_images(cfg, trainer, datamodule)
    trainer.fit(task, datamodule=datamodule)
    if cfg.monitor not in trainer.callback_metrics:
        raise GraftError(f"monitor={cfg.monitor} is not among what was validated: strategy.stage=auto cannot choose.")
    return float(trainer.callback_metrics[cfg.monitor])
