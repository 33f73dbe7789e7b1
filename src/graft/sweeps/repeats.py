"""The runs of one configuration, whose mean counts: one for each seed, and for each fold of the validation split."""

from dataclasses import dataclass

from omegaconf import DictConfig


@dataclass(frozen=True)
class Repeat:
    """A run of a configuration.

    Attributes:
        folder: Its name in the folder of the trial; empty where it is the trial's only run.
        overrides: What tells it from the others.
    """

    folder: str = ""
    overrides: tuple[str, ...] = ()


def repeats(settings: DictConfig, seed: int) -> list[Repeat]:
    """Returns the runs of each configuration.

    Args:
        settings: Of the sweeper.
        seed: Of the first run.
    """
    found = [Repeat()]
    if settings.seeds > 1:
        found = [Repeat(f"seed_{each}", (f"seed={each}",)) for each in range(seed, seed + settings.seeds)]
    if settings.folds == 1:
        return found
    folds = [(f"fold_{each}", f"datamodule.split.val_fold={each}/{settings.folds}") for each in _from_1(settings.folds)]
    return [
        Repeat("_".join(filter(None, (run.folder, folder))), (*run.overrides, override))
        for run in found
        for folder, override in folds
    ]


def _from_1(count: int) -> range:
    return range(1, count + 1)
