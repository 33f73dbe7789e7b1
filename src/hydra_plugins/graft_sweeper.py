"""Graft's sweeper, where Hydra looks for plugins: imported at every start, so that it imports nothing itself."""

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GraftSweeper(Sweeper):
    """Hydra's door to `graft.sweeps`.

    Args:
        settings: As configs/hydra/sweeper/graft.yaml explains them.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Takes what Hydra gives, and has the launcher made."""
        from hydra.core.plugins import Plugins

        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the sweep, or what is left of it."""
        from graft.sweeps.running import run_sweep

        assert self.config is not None
        assert self.launcher is not None
        run_sweep(self.config, arguments, self.launcher)
