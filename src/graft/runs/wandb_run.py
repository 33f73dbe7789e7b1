"""A run at Weights & Biases: what Lightning's logger does, and what a run of Graft has beside."""

import logging
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.trainer.states import TrainerFn
from torch.distributed.fsdp import FSDPModule

import graft
from graft.runs.folder import RunFolder
from graft.runs.secrets import redact
from graft.runs.wandb_artifact import checkpoint_artifact

_LOG = logging.getLogger(__name__)
_STEP = "trainer/global_step"  # the name that Lightning's logger has for it


def show_best_of(run: Any, monitor: str | None, goal: str | None) -> None:
    """Says which values of a metric W&B's table shows: the last, and of losses and of what is monitored the best.

    Args:
        run: The W&B run.
        monitor: A metric, or None.
        goal: max or min.
    """
    run.define_metric(_STEP)
    run.define_metric("*", step_metric=_STEP, step_sync=True)  # as WandbLogger does with a run that it starts itself
    best = {"train/loss": "min", "val/loss": "min", **({monitor: goal} if monitor and goal else {})}
    for metric, which in best.items():
        run.define_metric(metric, step_metric=_STEP, step_sync=True, summary=f"{which},last")


class WandbRun(WandbLogger):
    """Lightning's logger, which also watches the network and keeps the code and the best checkpoint, if asked to.

    Args:
        experiment: The W&B run.
        project: The W&B project.
        name: The name of the run.
        save_dir: The run folder.
        watch: `gradients`, `parameters`, `all` or None.
        watch_every: Batches between two histograms.
        keeps_checkpoint: Whether `keep` does anything.
        keeps_code: Whether the package's Python files are logged, those aside that hold a secret.
    """

    def __init__(
        self,
        *,
        experiment: Any,
        project: str,
        name: str,
        save_dir: str,
        watch: str | None,
        watch_every: int,
        keeps_checkpoint: bool,
        keeps_code: bool,
    ) -> None:
        super().__init__(project=project, name=name, save_dir=save_dir, id=experiment.id, experiment=experiment)
        self._watch = watch
        self._watch_every = watch_every
        self._keeps_checkpoint = keeps_checkpoint
        if keeps_code:
            experiment.log_code(str(Path(graft.__file__).parent), name="graft-code", exclude_fn=_holds_a_secret)

    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """Tells W&B what it does not know: it warns of values that its own sweep has set, even of the same ones."""
        told, known = vars(params) if isinstance(params, Namespace) else params, self.experiment.config
        super().log_hyperparams({key: value for key, value in told.items() if key not in known or known[key] != value})

    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Watches what learns now, and nothing else any more: Lightning calls it before a fit, Graft at each phase."""
        if self._watch is None:
            return
        self.experiment.unwatch()
        if isinstance(model, FSDPModule):
            _LOG.warning("logger.wandb.watch is left out: no process has the gradients of trainer=fsdp as a whole")
            self._watch = None
        elif model.trainer.state.fn is TrainerFn.FITTING:
            self.experiment.watch(model, log=self._watch, log_freq=self._watch_every, idx=0)

    def keep(self, run: RunFolder) -> None:
        """Logs the best checkpoint of a run that came to its end, where it is to be kept and there is one."""
        if self._keeps_checkpoint and (run.checkpoints / "best.ckpt").exists():
            artifact, aliases = checkpoint_artifact(self.experiment, run)
            self.experiment.log_artifact(artifact, aliases=aliases)


def _holds_a_secret(path: str, *_: Any) -> bool:
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return redact(text) != text
