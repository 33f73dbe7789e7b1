"""Checks a search before its first trial."""

import re
from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf

from graft.config.check import check
from graft.config.schema import Node
from graft.config.space import read_space
from graft.config.validate import raise_problems, validated
from graft.errors import did_you_mean

_LESS = re.compile(r"/(loss|rmse|mae|mse|calibration_error)$|^(seconds|parameters)")  # of which less is better
_FOUND = {"lr": "optimizer.lr", "batch_size": "datamodule.batch_size"}  # by `find`, before a training
_LUCK = {  # what makes runs of one configuration come out differently
    "seed": "its values are runs of one configuration",
    "datamodule.split.seed": "its values are splits for one configuration",
    "datamodule.split.fold": "its values are folds for one configuration",
    "datamodule.split.val_fold": "its values are folds for one configuration",
}


def check_search(cfg: DictConfig, arguments: list[str]) -> None:
    """Checks what a sweep of Graft's is to do.

    Args:
        cfg: As composed, with Hydra's own node.
        arguments: Overrides of the command line.

    Raises:
        ConfigError: A setting is wrong, the space is empty or endless, or the test split would decide.
    """
    sweeper = cfg.hydra.sweeper
    raise_problems(list(check(sweeper, Node, "hydra.sweeper")))
    space = read_space(sweeper.params, arguments)
    raise_problems([*_problems(cfg, sweeper, list(space.varied)), *_moving(sweeper, [*space.varied, *space.own])])
    if sweeper.n_trials is None:
        next(space.grid())


def _problems(cfg: DictConfig, sweeper: DictConfig, varied: list[str]) -> Iterator[str]:
    if not varied and sweeper.seeds == sweeper.folds == 1:
        yield "the sweep varies nothing: name a key with several values, such as optimizer.lr=1e-3,1e-2."
    for key in _LUCK.keys() & set(varied):
        yield (
            f"{key}: {_LUCK[key]}, and a sweep would take the luckiest for the best. hydra.sweeper.seeds=3 (seeds) or"
            " hydra.sweeper.folds=5 (folds of the validation split) trains each configuration so often and goes by the"
            " mean; to look at the runs one by one, graft train -m …"
        )
    if sweeper.folds > 1 and "val_fold" not in OmegaConf.select(cfg, "datamodule.split", default={}):
        yield f"hydra.sweeper.folds: datamodule={cfg.datamodule.name} has no datamodule.split.val_fold; set it to 1."
    if sweeper.folds > 1 and OmegaConf.select(cfg, "datamodule.split.val_fold") is not None:
        yield "hydra.sweeper.folds: datamodule.split.val_fold names one of the folds; leave one of the two out."
    yield from _objectives(cfg, [sweeper.metric, *sweeper.minimize, *sweeper.maximize], varied)
    if cfg.test or "test" in varied:
        yield "test: a sweep leaves the test split alone; leave out test=true, and test the best run afterwards."
    for name, key in _FOUND.items():
        if key in varied and OmegaConf.select(cfg, f"find.{name}") is not None:
            yield f"find.{name}: in each trial the sweep's {key} would give way to what is found; give it one value."
    if sweeper.sampler is None and sweeper.n_trials is not None:
        yield "hydra.sweeper.n_trials: a grid has as many trials as combinations; take sweep=random for a part of them."
    if sweeper.sampler is not None and sweeper.n_trials is None:
        yield "hydra.sweeper.n_trials: a search that samples has no end by itself; give it a number of trials."
    if not (sweeper.minimize or sweeper.maximize) and sweeper.mode == "max" and _LESS.search(str(sweeper.metric)):
        yield (
            f"hydra.sweeper.mode: max would take the trial with the largest {sweeper.metric} for the best; say"
            " hydra.sweeper.mode=min."
        )
    if twice := sorted({*(sweeper.minimize or ())} & {*(sweeper.maximize or ())}):
        yield f"hydra.sweeper.minimize: {', '.join(twice)} cannot be both minimised and maximised."
    if sweeper.pruner is not None and (sweeper.minimize or sweeper.maximize):
        yield "hydra.sweeper.pruner: with several objectives none says which trial is worse; set it to null."
    if sweeper.pruner is not None and not str(sweeper.metric).startswith("val/"):
        yield f"hydra.sweeper.pruner: {sweeper.metric} is not known after each epoch, as val/… are; set it to null."
    if sweeper.pruner is not None and (sweeper.seeds > 1 or sweeper.folds > 1):
        yield "hydra.sweeper.pruner: the runs of one configuration are one trial, which is not pruned; set it to null."


def _moving(sweeper: DictConfig, keys: list[str]) -> Iterator[str]:
    """A pruner that goes by a setting of the trial's would share out other brackets in each."""
    said = OmegaConf.to_container(sweeper.pruner, resolve=False) if sweeper.pruner is not None else {}
    assert isinstance(said, dict)
    for name, value in said.items():
        if reference := next((key for key in keys if value == f"${{{key}}}"), None):
            yield (
                f"hydra.sweeper.pruner.{name!s}: it is {reference}, which the search sets anew in its trials; give it"
                f" the largest as a number, hydra.sweeper.pruner.{name!s}=30."
            )


def _objectives(cfg: DictConfig, names: list[str], varied: list[str]) -> Iterator[str]:
    """What is computed of the validation split is known, unless it is varied; other numbers are known after a run."""
    known = None if any(key == "task" or key.startswith("task.metrics") for key in varied) else validated(cfg)
    for name in names:
        if name.startswith("test/"):
            yield f"hydra.sweeper: {name} would let the test split choose; take the metric of the validation split."
        elif name.startswith("val/") and known and name not in known and name != cfg.monitor:
            yield f"hydra.sweeper: {name} is not computed.{did_you_mean(name, known)} Known: {', '.join(known)}."
