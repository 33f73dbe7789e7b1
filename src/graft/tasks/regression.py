"""Regression: one or several values for each sample."""

from typing import Any

import torch
from torch import Tensor

from graft.data.table import Kind
from graft.tasks.base import Batch
from graft.tasks.supervised import Supervised


class Regression(Supervised):
    """Squared error, or any loss of the same form, on standardised values, so that rates fit any unit.

    The loss takes outputs and targets `(batch, values)`, both minus the mean and over the standard deviation of the
    training targets; metrics take values in their own unit. See `Supervised` for the other arguments.

    Args:
        mean: Of the training targets, by value.
        std: Likewise; more than 0.
        supervised: See `Supervised`.
    """

    kind = Kind.REGRESSION
    mean: Tensor
    std: Tensor

    def __init__(self, *, mean: list[float], std: list[float], **supervised: Any) -> None:
        super().__init__(**supervised)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def predict(self, outputs: Tensor) -> Tensor:
        """Returns values in the unit of the targets, `(batch, values)`."""
        return outputs * self.std + self.mean

    def outputs_for(self, predictions: Tensor) -> Tensor:
        """Returns standardised values."""
        return (predictions - self.mean) / self.std

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the mean over the values of each sample, `(batch,)`."""
        return super().losses(outputs, {**batch, "target": self.outputs_for(batch["target"])})
