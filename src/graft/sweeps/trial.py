"""A run's own side of a sweep: which trial it is; nothing heavy is imported here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

_SWEEPER = "hydra_plugins.graft_sweeper.GraftSweeper"


@dataclass(frozen=True)
class Trial:
    """A trial of a study.

    Attributes:
        number: Its number in the study.
        study_name: The study.
        storage: Where it lies; None: in the sweep's folder.
        folder: Of the sweep.
        metric: That the study optimises.
        pruner: The pruner's node, or None.
    """

    number: int
    study_name: str
    storage: str | None
    folder: Path
    metric: str
    pruner: dict[str, Any] | None


_ON_THIS_MACHINE = ("JoblibLauncher", "LocalLauncher")  # Slurm and Ray give out accelerators themselves


def shares_machine() -> bool:
    """Whether the job of this process is one of several that a launcher has going at a time on this machine."""
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.MULTIRUN:
        return False
    return str(HydraConfig.get().launcher.get("_target_", "")).endswith(_ON_THIS_MACHINE)


def this_trial() -> Trial | None:
    """Returns the trial that the job of this process is, or None: no sweep of Graft's has launched it."""
    if not HydraConfig.initialized():
        return None
    hydra: DictConfig = HydraConfig.instance().cfg.hydra  # type: ignore[union-attr]
    if hydra.mode is not RunMode.MULTIRUN or hydra.sweeper.get("_target_") != _SWEEPER or hydra.sweeper.trial is None:
        return None
    settings = hydra.sweeper
    pruner = OmegaConf.to_container(settings.pruner, resolve=True) if settings.pruner is not None else None
    return Trial(
        number=settings.trial,
        study_name=settings.study_name,
        storage=settings.storage,
        folder=Path(str(hydra.sweep.dir)),
        metric=settings.metric,
        pruner=pruner,  # type: ignore[arg-type]  # a mapping, by the schema
    )
