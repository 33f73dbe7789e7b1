"""Learning from targets: what classification, multi-label classification and regression share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from graft.backbones import Backbone
from graft.data.table import Kind
from graft.strategies import Strategy
from graft.strategies.penalties import Penalty
from graft.tasks.base import Batch, Task
from graft.tasks.predictions import Predictions
from graft.tasks.running import RunningScores


class Supervised(Task):
    """A loss between the head's outputs and targets, and metrics of the predictions that the outputs stand for.

    Args:
        backbone: Keeps the backbone's contract.
        head: Takes the features in, gives one output per class, label or value.
        loss: Takes outputs and targets; made with `reduction="none"`.
        metrics: By name; each takes predictions and targets.
        test_time_augmentation: By name; each takes a batch's inputs and returns them seen otherwise. Scored are then
            the mean predictions over the inputs as they are and these.
        classes: Names of the outputs, in their order.
        strategy: Which stages learn, when and how fast.
        penalties: What is added to the loss of each training batch.
        optimizer: A partial that lacks its parameter groups.
        scheduler: A partial that lacks `optimizer` and `total_steps`.

    Attributes:
        kind: Of the targets that it learns from.
    """

    kind: ClassVar[Kind]

    def __init__(
        self,
        backbone: Backbone,
        head: nn.Module,
        loss: nn.Module,
        metrics: Mapping[str, Metric],
        test_time_augmentation: Mapping[str, Callable[[Any], Any]],
        classes: list[str],
        strategy: Strategy,
        penalties: Sequence[Penalty],
        optimizer: "partial[Optimizer]",
        scheduler: Callable[..., dict[str, Any]],
    ) -> None:
        super().__init__(backbone, head, strategy, penalties, optimizer, scheduler)
        self.loss = loss
        self.test_time_augmentation = test_time_augmentation
        self.classes = classes
        # Plain values only: the checkpoint must load under weights_only=True.
        self.save_hyperparameters({"classes": classes}, logger=False)
        self.metrics = metrics
        self.train_scores, self.val_scores, self.test_scores = (RunningScores(metrics) for _ in range(3))
        self.scores = {}
        self.predictions = Predictions()

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Returns what outputs `(batch, outputs)` stand for: probabilities, or values in the unit of the targets."""

    @abstractmethod
    def outputs_for(self, predictions: Tensor) -> Tensor:
        """Returns outputs that `predict` makes these predictions of."""

    def hard(self, targets: Tensor) -> Tensor:
        """Returns targets as the metrics take them, where augmentation has mixed them."""
        return targets

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the loss of each sample, `(batch,)`."""
        losses: Tensor = self.loss(outputs, batch["target"])
        return losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses

    def _score(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        # Not divided by the batch's own weights: then the mean over batches and processes is that over all samples.
        return (self.losses(outputs, batch) * batch.get("weight", 1.0)).mean(), self.predict(outputs)

    def _step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self._score(self(batch).float(), batch)

    def _averaged_step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self._score(self.outputs_for(self._averaged(batch)), batch)

    def _averaged(self, batch: Batch) -> Tensor:
        looks = [batch, *({**batch, "inputs": look(batch["inputs"])} for look in self.test_time_augmentation.values())]
        return torch.stack([self.predict(self(each).float()) for each in looks]).mean(dim=0)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the loss."""
        loss, predictions = self._step(batch)
        self.refuse_non_finite(loss)
        self.train_scores.add(loss.detach(), predictions.detach(), self.hard(batch["target"]))
        self.log_step(loss)
        return self.penalised(loss)

    def on_train_epoch_end(self) -> None:
        """Logs the training split as it was seen in this epoch, by weights that changed meanwhile."""
        self.log_dict(self.train_scores.take("train/"))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collects the metrics of the validation split."""
        loss, predictions = self._step(batch)
        self.val_scores.add(loss, predictions, batch["target"])

    def on_validation_epoch_end(self) -> None:
        """Logs the metrics of the validation split."""
        self.refuse_non_finite_validation(self.val_scores.mean_loss())  # metrics would only warn of a NaN
        values = self.val_scores.take("val/")
        self.log("val/loss", values.pop("val/loss"), prog_bar=True)
        self.log_dict(values)

    def on_test_epoch_start(self) -> None:
        """Forgets what an earlier scoring left."""
        self.predictions = Predictions()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores a batch of whichever split the loader holds; nothing of it reaches a logger by itself."""
        loss, predictions = self._averaged_step(batch) if self.test_time_augmentation else self._step(batch)
        self.test_scores.add(loss, predictions, batch["target"])
        self.predictions.add(batch["index"], batch["target"], predictions)

    def predict_step(self, batch: Batch, batch_idx: int) -> tuple[Tensor, Tensor]:
        """Returns the rows of a batch and its predictions, `(batch,)` and `(batch, classes)`."""
        return batch["index"], self._averaged(batch)

    def said(self, inputs: Any) -> Tensor:
        """Returns predictions, as `graft predict` makes them: `(batch, classes)`, labels or values.

        Args:
            inputs: As the backbone's preprocessing makes them, on the task's device; the task is in eval mode.
        """
        count = len(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs)
        with torch.inference_mode():
            return self.predict_step({"inputs": inputs, "index": torch.arange(count)}, 0)[1]

    def on_test_epoch_end(self) -> None:
        """Leaves the scores of all processes in `scores` and the predictions of all samples in `predictions`."""
        self.scores = self.test_scores.take()
        self.predictions.gather()
