"""The Lightning callback that applies a strategy's phases."""

import logging
import re
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy

from graft.backbones.stages import Stage
from graft.errors import ConfigError, many
from graft.strategies.freezing import set_learning
from graft.strategies.phases import Strategy
from graft.strategies.selection import is_adapter

log = logging.getLogger(__name__)


class PhaseChanges(Callback):
    """Freezes, unfreezes and sets rates when a phase begins, in every process alike.

    Which phase an epoch is in follows from the schedule alone. A checkpoint holds the number of the phase whose rates
    are in its optimizer, so that a resumed run scales them neither twice nor not at all.
    """

    def __init__(self, strategy: Strategy, stages: Sequence[Stage]) -> None:
        self._strategy = strategy
        self._stages = stages
        self._applied = 0
        self._looked = strategy.adapter is None
        self._freeze(0)

    def _freeze(self, number: int) -> None:
        set_learning(self._stages, self._strategy.learning(number))
        self._applied = number

    def state_dict(self) -> dict[str, Any]:
        """Returns the number of the phase."""
        return {"phase": self._applied}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Freezes as in that phase; comes before the model is wrapped for distributed training."""
        self._freeze(state_dict["phase"])

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Enters the epoch's phase when it is a new one."""
        number = self._strategy.phase_at(trainer.current_epoch)
        if number != self._applied:
            self._rescale(self._applied, number, trainer)
            self._enter(number, trainer)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Looks once whether the adapter takes part.

        Raises:
            ConfigError: A layer's forward pass goes round it; then it would never learn, without a word.
        """
        if self._looked:
            return
        learns = [name for name, parameter in pl_module.named_parameters() if parameter.requires_grad]
        self._looked = any(map(is_adapter, learns))  # else: in a later phase
        idle = [
            name
            for name, parameter in pl_module.named_parameters()
            if is_adapter(name) and parameter.requires_grad and parameter.grad is None
        ]
        if idle:
            layers = sorted({re.split(r"\.(?:lora_|ia3_)", name)[0].removeprefix("backbone.") for name in idle})
            raise ConfigError(
                f"strategy.adapter has no effect in {many(len(layers), 'layer')}, whose weights the network reads by"
                f" itself: {', '.join(layers[:4])}{' …' if len(layers) > 4 else ''}. Leave them"
                " out: strategy.adapter.targets."
            )

    def _enter(self, number: int, trainer: pl.Trainer) -> None:
        self._freeze(number)
        if isinstance(trainer.strategy, DDPStrategy):
            # DDP averages the gradients of what could learn when it wrapped the model, and of nothing else
            # (Lightning #20340): wrap anew, or what was unfrozen drifts apart from rank to rank without a word.
            trainer.strategy.model = trainer.strategy.lightning_module
            trainer.strategy.configure_ddp()
        for logger in trainer.loggers:
            logger.log_graph(trainer.lightning_module)  # what watches gradients watches those of the new phase
        log.info("Epoch %d: phase %d of strategy %s begins", trainer.current_epoch + 1, number + 1, self._strategy.name)

    def _rescale(self, old: int, new: int, trainer: pl.Trainer) -> None:
        """Moves every group's rate, and the base that its scheduler starts from, to the new phase's scale."""
        before, after = (self._strategy.scales(number) for number in (old, new))
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                stage = group["name"].rsplit("/", 1)[0]
                group["lr"] *= after[stage] / before[stage]
                if "initial_lr" in group:
                    group["initial_lr"] *= after[stage] / before[stage]
        for config in trainer.lr_scheduler_configs:
            if hasattr(config.scheduler, "base_lrs"):
                groups = config.scheduler.optimizer.param_groups
                config.scheduler.base_lrs = [group["initial_lr"] for group in groups]
