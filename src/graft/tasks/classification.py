"""Classification: one of several classes for each sample."""

from typing import Any

import torch
from torch import Tensor

from graft.data.table import Kind
from graft.tasks.base import Batch
from graft.tasks.supervised import Supervised

_LEAST = 1e-12  # a probability whose logarithm is still a number


class Classification(Supervised):
    """Cross-entropy, or any loss of the same form, over one logit per class.

    The loss takes logits `(batch, classes)` and targets `(batch,)`, or shares of the classes `(batch, classes)` where
    samples are mixed; metrics take probabilities `(batch, classes)` and targets `(batch,)`.

    Args:
        class_weights: What a sample of each class counts in the loss; `None`: all the same.
        supervised: See `Supervised`.
    """

    kind = Kind.SINGLE_LABEL

    def __init__(self, *, class_weights: list[float] | None = None, **supervised: Any) -> None:
        super().__init__(**supervised)
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)  # from the data, not learnt

    def predict(self, outputs: Tensor) -> Tensor:
        """Returns probabilities `(batch, classes)`, which add up to 1."""
        return outputs.softmax(dim=1)

    def outputs_for(self, predictions: Tensor) -> Tensor:
        """Returns logits."""
        return predictions.clamp_min(_LEAST).log()

    def hard(self, targets: Tensor) -> Tensor:
        """Returns the class of the largest share."""
        return targets.argmax(dim=1) if targets.ndim > 1 else targets

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the loss of each sample, `(batch,)`."""
        losses = super().losses(outputs, batch)
        weights, target = self.class_weights, batch["target"]
        if not isinstance(weights, Tensor):
            return losses
        return losses * (target.to(weights.dtype) @ weights if target.ndim > 1 else weights[target])
