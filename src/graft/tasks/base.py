"""What every task shares: a backbone, a head, and an optimizer whose groups come from the strategy."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from graft.backbones import Backbone
from graft.backbones.depthwise import learn_depthwise_in_float32
from graft.backbones.frozen import Frozen
from graft.backbones.stages import Stage, whole
from graft.errors import NotFiniteError
from graft.strategies import Strategy
from graft.strategies.groups import parameter_groups, undecayed
from graft.strategies.penalties import Penalty
from graft.strategies.phases import HEAD
from graft.strategies.selection import is_adapter
from graft.strategies.sharding import like
from graft.tasks.predictions import Predictions

Batch = dict[str, Any]

_WHOLE = (SingleDeviceStrategy, DDPStrategy)  # exactly these: others share the weights out among processes


class Task(pl.LightningModule):
    """Backbone and head under one strategy.

    Subclasses say what a batch's loss is. A batch is a dictionary: `inputs` as the backbone takes them, or `features`
    `(batch, num_features)` where they are known already, or with `behind`, the name of a stage, its activation; before
    it is on the device perhaps `pixels`, of which its preprocessing makes inputs, see `Backbone.preprocess`;
    `target`; `index` of each sample; optionally `weight`.

    Args:
        backbone: Keeps the backbone's contract.
        head: Takes the features in.
        strategy: Which stages learn, when and how fast.
        penalties: What is added to the loss of each training batch.
        optimizer: A partial that lacks its parameter groups.
        scheduler: A partial that lacks `optimizer` and `total_steps`.

    Attributes:
        test_time_augmentation: By name, other looks at a batch's inputs; what is scored is the mean over them.
        metrics: By name; each takes predictions and targets.
        scores: By metric, of the split that was scored last (`trainer.test`).
        predictions: Of each sample of that split.
    """

    test_time_augmentation: Mapping[str, Callable[[Any], Any]]
    metrics: Mapping[str, Metric]
    scores: dict[str, float]
    predictions: Predictions

    def __init__(
        self,
        backbone: Backbone,
        head: nn.Module,
        strategy: Strategy,
        penalties: Sequence[Penalty],
        optimizer: "partial[Optimizer]",
        scheduler: Callable[..., dict[str, Any]],
    ) -> None:
        super().__init__()
        self.backbone = backbone
        learn_depthwise_in_float32(backbone)
        self.head = head
        self.strategy = strategy
        self.penalties = penalties
        for penalty in penalties:
            penalty.begin(backbone.stages)
        self._top = whole(HEAD, head)
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._compiled: Callable[[Any], Tensor] | None = None
        self._frozen = Frozen(backbone)
        if strategy.trains_only_the_head:  # so that its features are computed alike in a training and without one
            backbone.requires_grad_(False)
        # Lightning notes the mode at the start and restores it after each validation.
        self.train()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """From input to output, the head last."""
        return (*self.backbone.stages, self._top)

    @property
    def lr(self) -> float:
        """The optimizer's rate, before any scaling."""
        return float(self._optimizer.keywords["lr"])

    def forward(self, batch: Batch) -> Tensor:
        """Returns the head's output, shape `(batch, …)`."""
        if "features" not in batch:
            features = self._run(batch["inputs"])
        elif (behind := batch.get("behind")) is None:
            features = batch["features"]
        else:
            features = self.backbone.forward_from(behind, batch["features"], batch.get("inputs"))
        output: Tensor = self.head(features)
        return output

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Makes inputs of a batch that came as bytes, a quarter of what floating point would have taken."""
        if "pixels" not in batch:
            return batch
        normalise = self.backbone.preprocess(self.trainer.training).normalise  # type: ignore[attr-defined] # has pixels
        inputs = self.trainer.precision_plugin.convert_input(normalise(batch["pixels"]))
        return {**{key: value for key, value in batch.items() if key != "pixels"}, "inputs": inputs}

    def compile_backbone(self) -> None:
        """Has the backbone compiled when it runs first; its modules and the names of its weights stay as they are."""
        self._compiled = torch.compile(self.backbone.forward)

    def _run(self, inputs: Any) -> Tensor:
        network = self._compiled or (self._frozen if self._is_frozen() else self.backbone)
        features: Tensor = network(inputs)
        return features

    def _is_frozen(self) -> bool:
        """Whether the backbone stands still as a whole, in one piece."""
        shared = self._trainer is not None and type(self.trainer.strategy) not in _WHOLE
        if shared or any(parameter.requires_grad for parameter in self.backbone.parameters()):
            return False
        return not any(module.training for stage in self.backbone.stages for module in stage.modules)

    def configure_optimizers(self) -> Any:
        """Makes all parameter groups of all phases, before the first step."""
        stages = self.stages
        decay = float(self._optimizer.keywords.get("weight_decay", 0.0))
        groups = parameter_groups(stages, self.strategy.scales(0), self.lr, decay, self._undecayed())
        optimizer = self._optimizer(groups)
        # Lightning holds that a fused optimizer unscales gradients itself and refuses to clip them, in bf16 too, where
        # none are scaled (its issue 21435). Told otherwise, it unscales, then clips, and torch does not unscale again.
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
        steps = self.trainer.estimated_stepping_batches
        total_steps = int(steps) if math.isfinite(steps) else None
        return {"optimizer": optimizer, "lr_scheduler": self._scheduler(optimizer, total_steps=total_steps)}

    def _undecayed(self) -> frozenset[int]:
        exempt = undecayed(self.stages, self.backbone.undecayed())
        if not self.penalties:
            return exempt
        # They pull the backbone's own weights elsewhere than to zero.
        named = [item for stage in self.backbone.stages for item in stage.parameters.items()]
        return exempt | {id(value) for name, value in named if not is_adapter(name)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Takes whole tensors in, where the network's own are shared out among processes too."""
        own = self.state_dict()
        parts = {name: like(value, own[name]) if name in own else value for name, value in state_dict.items()}
        return super().load_state_dict(parts, strict, assign)

    def penalised(self, loss: Tensor) -> Tensor:
        """Returns the loss of a training batch with the penalties, whose sum is logged as `train/penalty`."""
        if not self.penalties:
            return loss
        penalty = torch.stack([penalty().to(loss.device) for penalty in self.penalties]).sum()
        self.log("train/penalty", penalty.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss + penalty

    def log_step(self, loss: Tensor) -> None:
        """Shows and logs the loss of a training batch of this process, each `trainer.log_every_n_steps` steps."""
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined] # a part of the trainer sets it
        if every and (self.global_step + 1) % every == 0:  # in every step it would take longer than a small head
            self.log("train/loss_step", loss, on_step=True, on_epoch=False, prog_bar=True, batch_size=1)

    def refuse_non_finite(self, loss: Tensor) -> None:
        """Stops before the backward pass would carry a NaN into the weights.

        Args:
            loss: Of a training batch, of this process.

        Raises:
            NotFiniteError: The loss is NaN or infinite, in any process.
        """
        finite = bool(loss.isfinite())
        if self.trainer.world_size > 1:  # else the other processes would wait for this one for ever
            finite = self.trainer.strategy.reduce_boolean_decision(finite, all=True)
        if not finite:
            raise self._broken("training", loss.item())

    def refuse_non_finite_validation(self, loss: float) -> None:
        """Stops before a checkpoint keeps weights that broke in an epoch's last step: they are first seen here.

        Args:
            loss: Of the whole validation split, of all processes together.

        Raises:
            NotFiniteError: The loss is NaN or infinite.
        """
        if not math.isfinite(loss):
            raise self._broken("validation", loss)

    def _broken(self, split: str, loss: float) -> NotFiniteError:
        return NotFiniteError(
            f"The {split} loss became {loss} in epoch {self.current_epoch + 1}, step {self.global_step}."
            " Checkpoints of the epochs before are kept. Usual causes: optimizer.lr too large (try a tenth),"
            " trainer.precision=16-mixed (try 32-true), broken inputs or labels."
        )
