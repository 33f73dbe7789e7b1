"""Classification: one of several classes for each sample."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric, Metric, MetricCollection

from graft.backbones import Backbone
from graft.strategies import Strategy
from graft.tasks.base import Batch, Task
from graft.tasks.predictions import Predictions

_NO_WEIGHT = 1e-12  # a batch of nothing but zero weights has the loss 0, not NaN


class Classification(Task):
    """Cross-entropy, or any loss of the same form, over a head's logits.

    Args:
        backbone: Keeps the backbone's contract.
        head: Takes the features in, gives one logit per class.
        loss: Takes logits `(batch, classes)` and targets `(batch,)`; made with `reduction="none"`.
        metrics: By name; each takes probabilities `(batch, classes)` and targets `(batch,)`.
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
        classes: list[str],
        strategy: Strategy,
        optimizer: "partial[Optimizer]",
        scheduler: Callable[..., dict[str, Any]],
    ) -> None:
        super().__init__(backbone, head, strategy, optimizer, scheduler)
        self.loss = loss
        self.classes = classes
        # Plain values only: the checkpoint must load under weights_only=True.
        self.save_hyperparameters({"classes": classes}, logger=False)
        collection = MetricCollection(dict(metrics))
        self.train_metrics = collection.clone(prefix="train/")
        self.val_metrics = collection.clone(prefix="val/")
        self.score_metrics = collection.clone()
        self.score_loss = MeanMetric()
        self.scores = {}
        self.predictions = Predictions()

    def _step(self, batch: Batch) -> tuple[Tensor, Tensor]:
        logits = self(batch).float()
        losses = self.loss(logits, batch["target"])
        weight = batch.get("weight", torch.ones_like(losses))
        return (losses * weight).sum() / weight.sum().clamp_min(_NO_WEIGHT), logits.softmax(dim=1)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Returns the loss."""
        loss, probabilities = self._step(batch)
        self.refuse_non_finite(loss)
        self._collect("train", self.train_metrics, loss, probabilities.detach(), batch)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collects the metrics of the validation split."""
        loss, probabilities = self._step(batch)
        self._collect("val", self.val_metrics, loss, probabilities, batch)

    def _collect(
        self, split: str, metrics: MetricCollection, loss: Tensor, probabilities: Tensor, batch: Batch
    ) -> None:
        size = len(batch["target"])
        metrics.update(probabilities, batch["target"])
        self.log(
            f"{split}/loss",
            loss,
            on_step=False,
            on_epoch=True,
            batch_size=size,
            sync_dist=True,
            prog_bar=True,
        )
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=size)

    def on_test_epoch_start(self) -> None:
        """Forgets what an earlier scoring left."""
        self.predictions = Predictions()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores a batch of whichever split the loader holds; nothing of it reaches a logger by itself."""
        loss, probabilities = self._step(batch)
        self.score_metrics.update(probabilities, batch["target"])
        self.score_loss.update(loss, weight=len(batch["target"]))
        self.predictions.add(batch["index"], batch["target"], probabilities)

    def on_test_epoch_end(self) -> None:
        """Leaves the scores of all processes in `scores` and the predictions of all samples in `predictions`."""
        values = {**self.score_metrics.compute(), "loss": self.score_loss.compute()}
        self.scores = {name: float(value) for name, value in values.items()}
        self.score_metrics.reset()
        self.score_loss.reset()
        self.predictions.gather()
