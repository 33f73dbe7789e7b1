"""Checks a search before its first trial."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from graft.config.check import check
from graft.config.schema import Node
from graft.config.space import read_space
from graft.config.validate import raise_problems, validated
from graft.errors import ConfigError, did_you_mean

_LESS = re.compile(r"/(loss|rmse|mae|mse|calibration_error)$|^(seconds|parameters)")  # of which less is better
_MORE = re.compile(r"/((balanced_)?accuracy|(macro|micro)_f1|f1|auroc|average_precision|r2)$")  # of which more is
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
    raise_problems(list(_problems(cfg, sweeper, [key.lstrip("+~") for key in space.varied])))
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
    yield from _directions(sweeper)
    if sweeper.pruner is not None and (sweeper.minimize or sweeper.maximize):
        yield "hydra.sweeper.pruner: with several objectives none says which trial is worse; set it to null."
    if sweeper.pruner is not None and not str(sweeper.metric).startswith("val/"):
        yield f"hydra.sweeper.pruner: {sweeper.metric} is not known after each epoch, as val/… are; set it to null."
    if sweeper.pruner is not None and (sweeper.seeds > 1 or sweeper.folds > 1):
        yield "hydra.sweeper.pruner: the runs of one configuration are one trial, which is not pruned; set it to null."


def _directions(sweeper: DictConfig) -> Iterator[str]:
    """Each objective is named once, and gets better in the way said, as far as its name tells."""
    metric = str(sweeper.metric)
    said = [
        ("hydra.sweeper.mode", sweeper.mode, metric),
        *(("hydra.sweeper.maximize", "max", str(name)) for name in sweeper.maximize or ()),
        *(("hydra.sweeper.minimize", "min", str(name)) for name in sweeper.minimize or ()),
    ]
    names = [name for _, _, name in said]
    for name in sorted({name for name in names if names.count(name) > 1}):
        others = "hydra.sweeper.metric, hydra.sweeper.minimize and hydra.sweeper.maximize"
        yield f"hydra.sweeper: {name} stands more than once in {others}; it is one objective, and has one direction."
    for key, mode, name in said:
        if mode == "max" and _LESS.search(name):
            yield f"{key}: the trial with the largest {name} would be the best; say {_turned(key, 'min')}."
        if mode == "min" and _MORE.search(name):
            yield f"{key}: the trial with the smallest {name} would be the best; say {_turned(key, 'max')}."


def _turned(key: str, mode: str) -> str:
    return f"{key}={mode}" if key.endswith("mode") else f"hydra.sweeper.{mode}imize=[…]"


def check_pruners(pruners: Sequence[tuple[list[str], dict[str, Any]]]) -> None:
    """Checks that the trials of a search have one pruner: by others, they would be held to other epochs.

    Args:
        pruners: What it is on the command lines of trials; without any key, where there is none.

    Raises:
        ConfigError: A setting of it is another one in some trial.
    """
    (_, pruner), *others = pruners
    for line, other in others:
        for name in pruner.keys() & other.keys():
            if other[name] != pruner[name]:
                alike = {word for words, each in pruners if each.get(name) == pruner[name] for word in words}
                where = [word for word in line if word not in alike]
                raise ConfigError(
                    f"hydra.sweeper.pruner.{name}: it would be {pruner[name]}, and {other[name]}"
                    f" {f'with {where[0]}' if len(where) == 1 else 'in trials'}; give all the largest,"
                    f" hydra.sweeper.pruner.{name}=…"
                )


def _objectives(cfg: DictConfig, names: list[str], varied: list[str]) -> Iterator[str]:
    """What is computed of the validation split is known, unless it is varied; other numbers are known after a run."""
    known = None if any(key == "task" or key.startswith("task.metrics") for key in varied) else validated(cfg)
    for name in names:
        if name.startswith("test/"):
            yield f"hydra.sweeper: {name} would let the test split choose; take the metric of the validation split."
        elif name.startswith("val/") and known and name not in known and name != cfg.monitor:
            yield f"hydra.sweeper: {name} is not computed.{did_you_mean(name, known)} Known: {', '.join(known)}."
