"""From a config and a claimed run folder to a trusted number."""

import logging
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import Callback
from torch.distributed.fsdp import FSDPModule

from graft.build import (
    as_one_process,
    build_backbone,
    build_datamodule,
    build_strategy,
    build_task,
    build_trainer,
    check_accelerator,
    look_at_data,
)
from graft.compiling import compile_if_asked
from graft.config.instantiate import build_all
from graft.data.datamodule import DataModule
from graft.data.description import describe
from graft.data.pictures import augmentation_preview, save_png
from graft.decoding import keep_images
from graft.errors import many
from graft.expected_warnings import ignore_expected_warnings
from graft.features.key import digest_of_tensors
from graft.finding import with_found
from graft.interpolating import check_averages, interpolate
from graft.picking import with_stage_picked
from graft.precompute import precompute_features
from graft.rates import samples_of_a_step
from graft.reports.terminal import outcome_table, rendered
from graft.runs.atomic import replacing
from graft.runs.environment import describe_session
from graft.runs.folder import RunFolder
from graft.runs.metrics import MetricsCSV
from graft.runs.pace import Pace
from graft.runs.rank import rank
from graft.runs.signals import SignalHandler
from graft.runs.stopping import StopOnSignal
from graft.runs.summary import Stopwatch, peak_memory
from graft.scoring import detailed_scores, load_checkpoint, prediction_table, save_predictions, score, step_of
from graft.seeding import SeedEachStep
from graft.starting import check_start, keep_without_training, solve_head
from graft.strategies.adapters import save_adapter
from graft.strategies.callback import PhaseChanges
from graft.strategies.schedules import LooksAtValidation
from graft.strategies.synchronising import synchronise_norms
from graft.strategies.table import parameter_counts, stage_rows, stage_table
from graft.sweeps.pruning import StopWhenPruned
from graft.sweeps.trial import Trial
from graft.tasks import Task
from graft.tracked import build_trackers, describe_to_trackers, keep_checkpoint
from graft.worst import save_worst

log = logging.getLogger(__name__)


def fit_and_score(run: RunFolder, cfg: DictConfig, handler: SignalHandler, trial: Trial | None = None) -> float:
    """Goes from a config and a claimed folder to a summary; `trial`: what the run is in a sweep."""
    ignore_expected_warnings()
    clock = Stopwatch()
    with clock.part("setup"):
        run.add_session(describe_session(cfg.seed))
        look_at_data(cfg)
        cfg = with_stage_picked(run, cfg, handler)
    if any(OmegaConf.select(cfg, "find", default={}).values()):
        with clock.part("search"):
            cfg = with_found(run, cfg, handler)
    with clock.part("setup"):
        pl.seed_everything(cfg.seed, verbose=False)
        backbone = build_backbone(cfg)
        run.keep_weights(digest_of_tensors(backbone))
        strategy = build_strategy(cfg, backbone)
        chosen = list(build_all(cfg.callbacks).values())
        check_averages(chosen, strategy)
        check_accelerator(cfg)
        datamodule = build_datamodule(cfg, backbone)
        run.keep_splits({split: datamodule.sample_ids(split) for split in datamodule.splits})
        run.save_json(run.data, describe(datamodule))
        save_preview(run, datamodule)
        task = build_task(cfg, backbone, strategy, datamodule.targets())
        check_start(task, datamodule)
        run.save_json(run.stages, stage_rows(task.strategy, task.stages, task.lr))
        counts = parameter_counts(strategy, task.stages)  # now: DeepSpeed leaves a process its part of the weights
        metrics = MetricsCSV(run.metrics)
        pruning = StopWhenPruned(trial)
        trainer = build_trainer(
            cfg, [*callbacks(chosen, cfg.seed, task, run, handler), pruning], [metrics, *build_trackers(cfg)]
        )
        asked = bool(cfg.trainer.get("sync_batchnorm"))
        compile_if_asked(cfg, task, trainer.strategy.root_device.type)
        synchronise_norms(strategy, task.stages, trainer.world_size, trainer.strategy.root_device.type, asked)
    announce(cfg, task, datamodule, trainer)
    describe_to_trackers(run, cfg, trainer)

    splits = ("train", "val", "test") if cfg.test else ("train", "val")
    with clock.part("features"):
        precompute_features(cfg, trainer, task, datamodule, splits, epochs=_epochs(trainer))
    if strategy.phases:
        with clock.part("images"):
            keep_images(cfg, trainer, datamodule)
    last = run.checkpoints / "last.ckpt"
    resumed = last.exists()
    if strategy.start is not None and not resumed:
        with clock.part("start"):
            run.save_json(run.start, solve_head(cfg, trainer, task, datamodule))
    with clock.part("training"):
        if resumed:
            metrics.rewind(step_of(last))
        if strategy.phases:
            trainer.fit(task, datamodule=datamodule, ckpt_path=last if resumed else None, weights_only=True)
        elif not resumed:
            keep_without_training(run, trainer, task, datamodule)
    with clock.part("scoring"):
        interpolate(run, trainer, task, datamodule, cfg.monitor, cfg.mode)
        scores = score_best(run, trainer, task, datamodule, splits[1:], cfg.bootstrap)
        if strategy.adapter is not None:
            keep_adapter(run, cfg, trainer, task, datamodule)

    tests = {key: value for key, value in scores.items() if key.startswith("test/")}
    for logger in trainer.loggers if tests else []:
        logger.log_metrics(tests, step=trainer.global_step)  # behind the last step: a run that goes on rewinds it
    summary: dict[str, Any] = {
        "name": cfg.name,
        "seed": cfg.seed,
        **scores,
        **counts,
        **_with_earlier(clock.seconds(), run.earlier_seconds()),
        **_pace(trainer),
        **peak_memory(),
        **({} if pruning.pruned_at is None else {"pruned_at": pruning.pruned_at}),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
    }
    run.save_summary(summary)
    keep_checkpoint(run, trainer)
    log.info("%s", rendered(outcome_table(summary)))
    if trainer.is_global_zero and trial is None:
        print(f"run folder: {run.path}")  # not through the console's log, which breaks long lines: it is to be copied
    return scores[cfg.monitor]


def _pace(trainer: pl.Trainer) -> dict[str, float]:
    found = [callback for callback in trainer.callbacks if isinstance(callback, Pace)]  # type: ignore[attr-defined] # a part of the trainer sets it
    return {f"pace/{name}": value for pace in found for name, value in pace.seconds.items()}


def _epochs(trainer: pl.Trainer) -> int:
    return -1 if trainer.max_epochs is None else trainer.max_epochs


def _with_earlier(seconds: dict[str, float], earlier: float) -> dict[str, float]:
    """Adds what the run took before it was stopped, so that the parts make up the whole."""
    if not earlier:
        return seconds
    return {**seconds, "seconds": seconds["seconds"] + earlier, "seconds/before the stop": earlier}


def callbacks(
    chosen: Sequence[Callback], seed: int, task: Task, run: RunFolder, handler: SignalHandler
) -> list[Callback]:
    """Adds to the callbacks of the config those without which a run would not be what it says."""
    return [
        *chosen,
        *([PhaseChanges(task.strategy, task.stages), LooksAtValidation(), Pace()] if task.strategy.phases else []),
        SeedEachStep(seed),
        StopOnSignal(handler, run.checkpoints / "last.ckpt"),
    ]


def announce(cfg: DictConfig, task: Task, datamodule: DataModule, trainer: pl.Trainer) -> None:
    """Says what was made of the config before the work begins."""
    log.info("%s", rendered(stage_table(task.strategy, task.stages, task.lr)))
    for split, rows in datamodule.splits.items():
        counts = ", ".join(f"{count} {name}" for name, count in datamodule.class_counts(split).items())
        log.info("%s: %s%s", split, many(len(rows), "sample"), f" ({counts})" if counts else "")
    if task.lr != cfg.optimizer.lr:
        scaling = cfg.lr_scaling
        log.info(
            "optimizer.lr=%g is meant for %s a step, and a step has %d: by lr_scaling.rule=%s it is %g",
            *(cfg.optimizer.lr, many(scaling.base, "sample"), samples_of_a_step(cfg), scaling.rule, task.lr),
        )
    log.info("device %s, precision %s", trainer.strategy.root_device, trainer.precision)


def score_best(
    run: RunFolder, trainer: pl.Trainer, task: Task, datamodule: DataModule, splits: Sequence[str], resamples: int
) -> dict[str, float]:
    """Scores the best checkpoint (where none was kept: the final weights) and writes each sample's prediction.

    What lies behind the scores, and the worst errors, are of the last of the splits.
    """
    best = run.checkpoints / "best.ckpt"
    if best.exists():
        load_checkpoint(task, best)
    scores: dict[str, float] = {}
    tables = []
    for split in splits:
        scores |= score(trainer, task, datamodule, split)
        tables.append(prediction_table(task.predictions, datamodule, split))
    save_predictions(run, tables)
    if rank() == 0:
        run.save_json(run.scores, detailed_scores(task, datamodule, split, resamples))
        save_worst(run, task.predictions, datamodule)
    return scores


def keep_adapter(run: RunFolder, cfg: DictConfig, trainer: pl.Trainer, task: Task, datamodule: DataModule) -> None:
    """Writes what the adapter has learnt; where the weights are shared out among processes, from a task made anew."""
    if isinstance(task, FSDPModule):
        weights = trainer.strategy.lightning_module_state_dict()
        cfg = as_one_process(cfg)
        backbone = build_backbone(cfg)
        task = build_task(cfg, backbone, build_strategy(cfg, backbone), datamodule.targets())
        if rank() == 0:
            task.load_state_dict(weights)
    if rank() == 0:
        save_adapter(task.backbone, task.head, run.adapter, alone=not task.strategy.moves_the_backbone)


def save_preview(run: RunFolder, datamodule: DataModule) -> None:
    """Draws what augmentation makes of training images, where there is any."""
    picture = augmentation_preview(datamodule) if rank() == 0 else None
    if picture is not None:
        with replacing(run.augmentation) as temporary:
            save_png(picture, temporary)
