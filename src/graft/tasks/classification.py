"""Classification: one of several classes for each sample."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from graft.backbones import Backbone
from graft.strategies import Strategy
from graft.tasks.base import Batch, Task
from graft.tasks.predictions import Predictions
from graft.tasks.running import RunningScores

_LEAST = 1e-12  # a probability whose logarithm is still a number


class Classification(Task):
    """Cross-entropy, or any loss of the same form, over a head's logits.

    Args:
        backbone: Keeps the backbone's contract.
        head: Takes the features in, gives one logit per class.
        loss: Takes logits `(batch, classes)` and targets `(batch,)`; made with `reduction="none"`.
        metrics: By name; each takes probabilities `(batch, classes)` and targets `(batch,)`.
        test_time_augmentation: By name; each takes a batch's inputs and returns them seen otherwise. Scored are then
            the mean probabilities over the inputs as they are and these.
        classes: Their names, in the order of the logits.
        strategy: Which stages learn, when and how fast.
        optimizer: A partial that lacks its parameter groups.
        scheduler: A partial that lacks `optimizer` and `total_steps`.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: nn.Module,
        loss: nn.Module,
        metrics: Mapping[str, Metric],
        test_time_augmentation: Mapping[str, Callable[[Any], Any]],
        classes: list[str],
        strategy: Strategy,
        optimizer: "partial[Optimizer]",
        scheduler: Callable[..., dict[str, Any]],
    ) -> None:
        super().__init__(backbone, head, strategy, optimizer, scheduler)
        self.loss = loss
        self.test_time_augmentation = test_time_augmentation
        self.classes = classes
        # Plain values only: the checkpoint must load under weights_only=True.
        self.save_hyperparameters({"classes": classes}, logger=False)
        self.train_scores, self.val_scores, self.test_scores = (RunningScores(metrics) for _ in range(3))
        self.scores = {}
        self.predictions = Predictions()

    def _score(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        losses = self.loss(logits, batch["target"])
        # Not divided by the batch's own weights: then the mean over batches and processes is that over all samples.
        return (losses * batch.get("weight", 1.0)).mean(), logits.softmax(dim=1)

    def _step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self._score(self(batch).float(), batch)

    def _averaged_step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        looks = [batch, *({**batch, "inputs": look(batch["inputs"])} for look in self.test_time_augmentation.values())]
        mean = torch.stack([self(each).float().softmax(dim=1) for each in looks]).mean(dim=0)
        return self._score(mean.clamp_min(_LEAST).log(), batch)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the loss."""
        loss, probabilities = self._step(batch)
        self.refuse_non_finite(loss)
        self.train_scores.add(loss.detach(), probabilities.detach(), batch["target"])
        self.log_step(loss)
        return loss

    def on_train_epoch_end(self) -> None:
        """Logs the training split as it was seen in this epoch, by weights that changed meanwhile."""
        self.log_dict(self.train_scores.take("train/"))

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collects the metrics of the validation split."""
        loss, probabilities = self._step(batch)
        self.val_scores.add(loss, probabilities, batch["target"])

    def on_validation_epoch_end(self) -> None:
        """Logs the metrics of the validation split."""
        self.refuse_non_finite_validation(float(self.val_scores.loss.compute()))  # metrics would only warn of a NaN
        values = self.val_scores.take("val/")
        self.log("val/loss", values.pop("val/loss"), prog_bar=True)
        self.log_dict(values)

    def on_test_epoch_start(self) -> None:
        """Forgets what an earlier scoring left."""
        self.predictions = Predictions()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores a batch of whichever split the loader holds; nothing of it reaches a logger by itself."""
        loss, probabilities = self._averaged_step(batch) if self.test_time_augmentation else self._step(batch)
        self.test_scores.add(loss, probabilities, batch["target"])
        self.predictions.add(batch["index"], batch["target"], probabilities)

    def on_test_epoch_end(self) -> None:
        """Leaves the scores of all processes in `scores` and the predictions of all samples in `predictions`."""
        self.scores = self.test_scores.take()
        self.predictions.gather()
