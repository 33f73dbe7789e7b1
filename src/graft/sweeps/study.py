"""The study: what a search has tried, on disk, for one process after another or for many at once."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.study import StudyDirection

from graft.config.instantiate import build
from graft.config.space import Space
from graft.errors import ConfigError, GraftError
from graft.runs.secrets import redact
from graft.sweeps.searched import searched

_JOURNAL = "study.journal"
_DIRECTIONS = {"max": StudyDirection.MAXIMIZE, "min": StudyDirection.MINIMIZE}


def open_storage(storage: str | None, folder: Path) -> BaseStorage:
    """Opens where a study lies.

    Args:
        storage: An address of Optuna's; None: a file in the sweep's folder.
        folder: Of the sweep.

    Raises:
        GraftError: It cannot be opened.
    """
    logging.getLogger("optuna").setLevel(logging.WARNING)
    try:
        if storage is None:
            return JournalStorage(_journal(folder / _JOURNAL))
        return get_storage(storage)
    except ImportError as error:
        raise GraftError(
            f"hydra.sweeper.storage: {redact(str(storage))} needs a driver that is not installed"
            f" ({error.__cause__ or error}); for postgresql:// that is the extra: pip install 'graft[postgresql]'"
        ) from error
    except Exception as error:  # each kind of storage has its own, and those of its driver
        reason = redact(f"{type(error).__name__}: {error}")
        raise GraftError(f"hydra.sweeper.storage: {redact(storage or str(folder))} is not opened: {reason}") from error


def _journal(path: Path) -> JournalFileBackend:
    """Opens a journal, without the half line that a kill may have left, on which the next one would be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()  # whoever is writing has ended his line then
    try:
        with path.open("a+b") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
    finally:
        lock.release()
    return JournalFileBackend(str(path), lock_obj=lock)


def open_study(storage: BaseStorage, config: DictConfig, space: Space) -> optuna.Study:
    """Opens the study of a sweep, or begins it; it has the pruner, by which some samplers choose whom to learn from.

    Args:
        storage: Where it lies.
        config: Hydra's, of the whole sweep.
        space: What is varied.

    Raises:
        ConfigError: The study is of another search.
    """
    settings = config.hydra.sweeper
    directions = [_DIRECTIONS[mode] for mode in objectives(settings).values()]
    name = settings.study_name
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=directions,
            load_if_exists=True,
            pruner=make_pruner(settings.pruner),
        )
    except ValueError as error:  # other directions
        raise _other(name, "the objectives") from error
    _make_brackets(study)
    search = searched(config, space, objectives(settings))
    before = study.user_attrs.get("search")
    if before is None:
        study.set_user_attr("search", search)
    elif differing := [key for key in {**before, **search} if before.get(key) != search.get(key)]:
        raise _other(name, "; ".join(f"{key}: then {before.get(key)}, now {search.get(key)}" for key in differing))
    return study


def _make_brackets(study: optuna.Study) -> None:
    """Has Hyperband share out its brackets, so that a sampler learns from the trials of its own.

    Runs ask the pruner in processes of theirs, and one that was never asked takes all trials for those of one bracket.
    """
    if isinstance(study.pruner, optuna.pruners.HyperbandPruner):
        study.pruner.prune(study, optuna.trial.create_trial(value=0.0))  # which has told nothing, and is let go on


def _other(name: str, what: str) -> ConfigError:
    return ConfigError(
        f"the sweep {name} is there already, and is another search ({what}). Undo the change, give this one a"
        " name of its own, name=…, or repeat the command of the other to go on with it."
    )


def objectives(settings: DictConfig) -> dict[str, str]:
    """Returns what is optimised, `max` or `min` by the key of a run's summary."""
    named = {**dict.fromkeys(settings.minimize, "min"), **dict.fromkeys(settings.maximize, "max")}
    return {str(settings.metric): str(settings.mode), **named}


def make_sampler(settings: DictConfig, number: int) -> optuna.samplers.BaseSampler:
    """Makes the sampler of one trial.

    A seed of its own for each makes a sweep that goes on propose what the unbroken one would have, where a sampler
    that begins anew would propose its first trials again.

    Args:
        settings: Of the sweeper.
        number: How many trials came before, without those that were lost.
    """
    if settings.sampler is None:
        return optuna.samplers.RandomSampler()  # a grid's trials wait in line, nothing is sampled
    (seed,) = np.random.SeedSequence((settings.seed, number)).generate_state(1).tolist()  # no seed + 1 is another's
    sampler: optuna.samplers.BaseSampler = build(settings.sampler, seed=seed)
    return sampler


def make_pruner(node: DictConfig | Mapping[str, Any] | None) -> optuna.pruners.BasePruner:
    """Makes the pruner; without a node, one that lets every trial run to its end."""
    if node is None:
        return optuna.pruners.NopPruner()
    pruner: optuna.pruners.BasePruner = build(node if isinstance(node, DictConfig) else OmegaConf.create(dict(node)))
    return pruner
