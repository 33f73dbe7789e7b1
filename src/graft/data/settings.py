"""What every datamodule takes, and what a value may be."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from graft.data.augmentation import OnBatches, Transform
from graft.data.table import Kind
from graft.errors import ConfigError


class Settings(TypedDict):
    """What every datamodule takes.

    Attributes:
        name: names the run folders.
        batch_size: samples of a training batch over all processes together.
        eval_batch_size: samples of an evaluation batch per process.
        num_workers: loader processes; None: by what loading costs, see `loader_processes`.
        shots: training samples to keep per class; None: all.
        limit: samples to keep per split; None: all.
        bad_files: "error" | "skip".
        split: "test" and "val", shares in 0 … 1, "seed", and "fold" and "val_fold", None or like "2 of 5", the parts to
            test and to validate on.
        preprocess: takes whether it is for training, returns a transform: canonical sample to network input.
        augment: canonical sample to canonical sample, drawing from torch's global generator; training only.
        mix: what then mixes the samples of a training batch, of one process.
        sampler: "shuffled", each training sample once an epoch, or "balanced", as many of each class.
        seed: of the order of training samples and of augmentation.
        kind: of the targets that the task learns from.
    """

    name: str
    batch_size: int
    eval_batch_size: int
    num_workers: int | None
    shots: int | None
    limit: int | None
    bad_files: str
    split: Mapping[str, Any]
    preprocess: Callable[[bool], Transform]
    augment: Transform | None
    mix: tuple[OnBatches, ...]
    sampler: str
    seed: int
    kind: Kind


def one_of(choices: tuple[str, ...], key: str, value: str) -> str:
    """Returns the value.

    Raises:
        ConfigError: it is none of the choices.
    """
    if value not in choices:
        raise ConfigError(f"datamodule.{key}={value}: choose {' or '.join(choices)}.")
    return value


def at_least(least: int, key: str, value: int) -> int:
    """Returns the value.

    Raises:
        ConfigError: it is less.
    """
    if value < least:
        raise ConfigError(f"datamodule.{key}={value}: it must be at least {least}.")
    return value


def share(key: str, value: float) -> float:
    """Returns the value of `datamodule.split.<key>`.

    Raises:
        ConfigError: it does not lie between 0 and 1.
    """
    if not 0 < value < 1:
        raise ConfigError(f"datamodule.split.{key}={value}: it is a share, more than 0 and less than 1.")
    return value
