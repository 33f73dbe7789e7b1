"""From a config to the parts that it names, in the order in which they need one another."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf, open_dict
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator
from pytorch_lightning.callbacks import Callback, ProgressBar
from pytorch_lightning.loggers import Logger

from graft.backbones import Backbone
from graft.backbones.stages import Stage
from graft.backbones.weights import RESTORED
from graft.config.instantiate import build, build_all, target_of
from graft.data import DataModule, chain, mixes
from graft.data.table import Kind, Targets
from graft.errors import ConfigError
from graft.precision import resolve
from graft.rates import scaled_rate
from graft.runs.checkpoints import AtomicCheckpointIO
from graft.strategies import Strategy
from graft.strategies.phases import HEAD
from graft.strategies.selection import chosen
from graft.strategies.sharding import ShardedStages, check_shardable, fuses
from graft.tasks import Task

log = logging.getLogger(__name__)


def build_backbone(cfg: DictConfig) -> Backbone:
    """Makes the backbone, with its weights."""
    backbone: Backbone = build(without_licence(cfg.backbone))
    return backbone


def look_at_data(cfg: DictConfig) -> None:
    """Tells what is wrong with the data as far as that is found at once: before weights are fetched or read.

    First of all that the backbone takes no such samples.

    Raises:
        GraftError: Names what is missing or broken.
    """
    datamodule = _datamodule(cfg, preprocess=None)
    datamodule.check_taken(datamodule.holds, getattr(target_of(cfg.backbone), "takes", None))
    datamodule.look()


def build_datamodule(cfg: DictConfig, backbone: Backbone) -> DataModule:
    """Makes the datamodule, which takes its preprocessing from the backbone, and reads its table of samples."""
    datamodule = _datamodule(cfg, backbone.preprocess)
    datamodule.setup()
    return datamodule


def _datamodule(cfg: DictConfig, preprocess: Callable[[bool], Any] | None) -> DataModule:
    augmentation = build_all(cfg.augmentation)
    datamodule: DataModule = build(
        without_licence(cfg.datamodule),
        preprocess=preprocess,
        augment=chain(augmentation),
        mix=mixes(augmentation),
        seed=cfg.seed,
        kind=target_of(cfg.task).kind,
    )
    return datamodule


def without_licence(node: DictConfig) -> DictConfig:
    """Returns a node as what it makes takes it; `license` is there for whoever publishes a model, see graft.export."""
    if "license" not in node:
        return node
    own: DictConfig = node.copy()
    own._set_parent(node._get_parent())
    with open_dict(own):
        own.pop("license")
    return own


def build_strategy(cfg: DictConfig, backbone: Backbone) -> Strategy:
    """Makes the strategy, bound to the backbone's stages, and puts its adapter, if any, into the backbone.

    Raises:
        ConfigError: Its phases do not fit the backbone or `trainer.max_epochs`.
    """
    strategy: Strategy = build(cfg.strategy, stages=[*(stage.name for stage in backbone.stages), HEAD])
    strategy.check(cfg.trainer.max_epochs)
    if len(strategy.phases) > 1 and cfg.trainer.get("max_steps") not in (None, -1):
        raise ConfigError(
            f"trainer.max_steps would end the training wherever it is in the {len(strategy.phases)} phases of"
            f" strategy={strategy.name}, which are counted in epochs: set trainer.max_epochs."
        )
    penalised = any(value is not None for value in cfg.penalty.values())
    _check_distribution(cfg.trainer, strategy, backbone, penalised)
    if penalised and not strategy.moves_the_backbone:
        raise ConfigError(
            f"penalty={' '.join(map(str, cfg.penalty))} holds the backbone's weights back, but strategy={strategy.name}"
            " leaves them as they are: set penalty=none."
        )
    if strategy.adapter is not None:
        strategy.adapter.apply(backbone)
    _check_selection(strategy, backbone.stages)
    return strategy


def _check_distribution(trainer: DictConfig, strategy: Strategy, backbone: Backbone, penalised: bool) -> None:
    """Refuses ways to distribute a training that would lose something, or fail long after the start."""
    chosen = trainer.strategy
    name = str(chosen if isinstance(chosen, str) else chosen.get("_target_"))
    if any(word in name for word in ("spawn", "fork", "notebook")):
        raise ConfigError(
            f"trainer.strategy={name}: its processes end with what they have scored. Take trainer.strategy=ddp, whose"
            " processes are started from the command line."
        )
    if any(word in name.lower() for word in ("fsdp", "modelparallel")):
        raise ConfigError(
            f"trainer.strategy={name} knows no stages, which is what Graft freezes and shares out among processes."
            " Take trainer=fsdp."
        )
    if shares_weights(trainer):
        _check_sharding(trainer, backbone)
    if "deepspeed" in name.lower():
        _check_deepspeed(name, strategy, penalised)


def shares_weights(trainer: DictConfig) -> bool:
    """Whether each process holds its part of the weights only, stage by stage."""
    return not isinstance(trainer.strategy, str) and target_of(trainer.strategy) is ShardedStages


def _check_sharding(trainer: DictConfig, backbone: Backbone) -> None:
    if str(trainer.precision) in ("16-mixed", "16"):
        raise ConfigError(
            f"trainer=fsdp with trainer.precision={trainer.precision}: gradients would be scaled by each process for"
            " itself. Take trainer.precision=bf16-mixed."
        )
    check_shardable(backbone)


def _check_deepspeed(name: str, strategy: Strategy, penalised: bool) -> None:
    if penalised:
        raise ConfigError(
            f"trainer.strategy={name} shards the weights, and a penalty compares them whole: penalty=none, or"
            " trainer=fsdp."
        )
    if len(strategy.phases) != 1 or strategy.adapter is not None or strategy.start is not None:
        raise ConfigError(
            f"trainer.strategy={name} shards the weights once, at the start; strategy={strategy.name} changes them"
            " later. Take trainer=fsdp or trainer=ddp, or a strategy of one phase such as full_finetuning."
        )


def _check_selection(strategy: Strategy, stages: Sequence[Stage]) -> None:
    """Refuses a phase that would train nothing of the backbone's stages that it names."""
    for number, phase in enumerate(strategy.phases):
        kinds = strategy.learning(number)
        named = [stage for stage in stages if stage.name in kinds]
        if named and not any(chosen(stage, kinds[stage.name]) for stage in named):
            raise ConfigError(
                f"strategy.phases[{number}].parameters: the backbone's stages have no {phase.parameters}, so that only"
                f" the head would learn: strategy={strategy.name} is not for this backbone."
            )


def build_task(cfg: DictConfig, backbone: Backbone, strategy: Strategy, targets: Targets) -> Task:
    """Makes the task; what the data decide, such as the number of classes, stands in no config."""
    classes = targets.classes
    task: Task = build(
        cfg.task,
        backbone=backbone,
        head=build(cfg.task.head, in_features=backbone.num_features, out_features=len(classes)),
        loss=build(cfg.task.loss, reduction="none"),
        metrics=build_all(cfg.task.metrics, **_told_to_metrics(targets)),
        test_time_augmentation=build_all(cfg.task.test_time_augmentation),
        classes=classes,
        strategy=strategy,
        penalties=list(build_all(cfg.penalty).values()),
        optimizer=_optimizer(cfg),
        scheduler=build(cfg.scheduler),
        **_told_by_targets(cfg, targets),
    )
    return task


def _optimizer(cfg: DictConfig) -> Any:
    """The partial; not fused where PyTorch cannot step over shared weights so, which gives the same steps."""
    changes: dict[str, Any] = {"lr": scaled_rate(cfg)}
    if shares_weights(cfg.trainer) and cfg.optimizer.get("fused") and not fuses(target_of(cfg.optimizer)):
        log.info("optimizer.fused: PyTorch has that for weights that processes share in Adam and AdamW only: left out")
        changes["fused"] = False
    return build(cfg.optimizer, **changes)


def _told_to_metrics(targets: Targets) -> dict[str, int]:
    match targets.kind:
        case Kind.SINGLE_LABEL:
            return {"num_classes": len(targets.classes)}
        case Kind.MULTI_LABEL:
            return {"num_labels": len(targets.classes)}
        case Kind.REGRESSION:
            return {}


def _told_by_targets(cfg: DictConfig, targets: Targets) -> dict[str, Any]:
    match targets.kind:
        case Kind.SINGLE_LABEL:
            return {"class_weights": targets.balancing if cfg.task.class_weights == "balanced" else None}
        case Kind.MULTI_LABEL:
            return {}
        case Kind.REGRESSION:
            return {"mean": targets.mean, "std": targets.std}


def build_trainer(
    cfg: DictConfig, callbacks: Sequence[Callback], loggers: Sequence[Logger], **changes: Any
) -> pl.Trainer:
    """Makes the trainer, with the callbacks and loggers of the config and those given, and changes to its own keys.

    Raises:
        ConfigError: This machine has no such device.
    """
    check_accelerator(cfg)
    trainer: pl.Trainer = build(
        _without_compile(cfg),
        precision=resolve(cfg.trainer.precision, cfg.trainer.accelerator),
        callbacks=list(callbacks),
        enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),  # else one comes unasked
        logger=list(loggers) or False,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=cfg.paths.run_dir,
        sync_batchnorm=False,  # Graft's own, see graft.strategies.synchronising
        **changes,
    )
    return trainer


def _without_compile(cfg: DictConfig) -> DictConfig:
    """Returns the trainer's node as Lightning takes it; `compile` is Graft's own, see graft.compiling."""
    node: DictConfig = cfg.trainer.copy()
    node._set_parent(cfg)
    with open_dict(node):
        node.pop("compile", None)
    return node


def check_accelerator(cfg: DictConfig) -> None:
    """Says what Lightning would say with the names of its classes.

    Raises:
        ConfigError: This machine has no such device.
    """
    name = str(cfg.trainer.accelerator)
    there = {"cuda": CUDAAccelerator.is_available(), "mps": MPSAccelerator.is_available()}
    if not there.get(name, True) or (name == "gpu" and not any(there.values())):
        raise ConfigError(
            f"trainer.accelerator={name}: PyTorch finds no such device here. Take trainer=auto or trainer=cpu; on a"
            " machine that has one, look whether its driver and this build of PyTorch fit."
        )


def as_one_process(cfg: DictConfig) -> DictConfig:
    """Returns the run's config for one device, and without the weights that its checkpoint replaces."""
    cfg = in_one_process(cfg)
    cfg.backbone.weights = RESTORED
    return cfg


def in_one_process(cfg: DictConfig) -> DictConfig:
    """Returns a copy of the run's config for one device."""
    cfg = cfg.copy()
    OmegaConf.set_struct(cfg, True)
    with open_dict(cfg):
        cfg.trainer.devices = 1
        cfg.trainer.num_nodes = 1
        cfg.trainer.strategy = "auto"
    return cfg
