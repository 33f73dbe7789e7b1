"""What Hydra alone knows of a job, to be kept with the run: no configuration says it."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

_SURROUNDINGS = ("hydra", "paths", "local", "launcher")  # groups that say nothing of what is learnt, or how


def origin() -> dict[str, Any]:
    """Returns what the job that runs was composed of, and for which sweep.

    Returns:
        `choices`: of the config groups, by the name that the command line has for them, such as `task/loss`; those
        that nothing was chosen from are left out. `sweep`: the name of the sweep's folder, or None. Neither is known
        where a configuration was composed by a program or in a notebook.
    """
    if not HydraConfig.initialized():
        return {"choices": {}, "sweep": None}
    hydra: Any = HydraConfig.get()
    choices = {
        group: choice
        for group, choice in sorted(hydra.runtime.choices.items())
        if choice is not None and group.partition("/")[0] not in _SURROUNDINGS
    }
    sweeps = hydra.mode is RunMode.MULTIRUN
    return {"choices": choices, "sweep": Path(hydra.sweep.dir).resolve().name if sweeps else None}
