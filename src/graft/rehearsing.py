"""Steps of a training beforehand, by parts of their own, so that the training itself is as if there had been none."""

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback

from graft.build import (
    build_backbone,
    build_datamodule,
    build_strategy,
    build_task,
    build_trainer,
    in_one_process,
)
from graft.precompute import precompute_features
from graft.runs.signals import SignalHandler
from graft.runs.stopping import EndAtOnce
from graft.seeding import SeedEachStep
from graft.starting import check_start, solve_head
from graft.strategies import Strategy
from graft.strategies.callback import PhaseChanges


class Rehearsal:
    """One phase of a run's strategy, from the weights that the run starts from, in one process.

    It steps as the run would: by its optimizer, on its batches, with its augmentation, penalties and features from the
    cache. No other split than that for training is read, and nothing is written but what the cache keeps.

    Args:
        cfg: Of the run; `scheduler` and `optimizer.lr` may be others.
        handler: The handler of signals in charge.

    Attributes:
        strategy: Of the run, with all phases.
        datamodule: May be changed between trainings.
    """

    def __init__(self, cfg: DictConfig, handler: SignalHandler) -> None:
        self._cfg = in_one_process(cfg)
        self._handler = handler
        pl.seed_everything(cfg.seed, verbose=False)
        self._backbone = build_backbone(self._cfg)
        self.strategy: Strategy = build_strategy(self._cfg, self._backbone)
        self.datamodule = build_datamodule(self._cfg, self._backbone)

    def take_phase(self, number: int) -> None:
        """Makes what trains in a phase, the `number`-th from 0 on."""
        self._alone = self.strategy.alone(number)
        self._task = build_task(self._cfg, self._backbone, self._alone, self.datamodule.targets())
        check_start(self._task, self.datamodule)
        trainer = self._trainer(1)
        self.device = trainer.strategy.root_device.type
        epochs = self.strategy.phases[number].epochs or self._cfg.trainer.max_epochs or -1
        precompute_features(self._cfg, trainer, self._task, self.datamodule, ["train"], epochs)
        if self._alone.start is not None:
            solve_head(self._cfg, trainer, self._task, self.datamodule)

    def train(self, steps: int, *callbacks: Callback) -> None:
        """Takes optimizer steps, the first with a new optimizer; the weights are those that earlier ones left."""
        self._trainer(steps, *callbacks).fit(self._task, datamodule=self.datamodule)

    def _trainer(self, steps: int, *callbacks: Callback) -> pl.Trainer:
        own = [PhaseChanges(self._alone, self._task.stages), SeedEachStep(self._cfg.seed), EndAtOnce(self._handler)]
        short = {"max_steps": steps, "max_epochs": -1, "limit_val_batches": 0, "num_sanity_val_steps": 0}
        return build_trainer(self._cfg, [*own, *callbacks], loggers=[], enable_checkpointing=False, **short)
