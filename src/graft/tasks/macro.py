"""Means over the classes of which something can be said; torchmetrics counts the others as 0.

A class may be absent among few samples: those of a group, of a small split, or drawn anew for an interval.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MultilabelAUROC,
    MultilabelAveragePrecision,
)
from torchmetrics.utilities.data import dim_zero_cat


def _over_known(areas: Callable[[], Tensor], target: Any) -> Tensor:
    """Returns the mean area over the classes with samples both in and out of them; NaN where there is none.

    Args:
        areas: Computes a curve's area of each class, `(classes,)`.
        target: What the metric has gathered.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a class is absent
        values = areas()
    given = dim_zero_cat(target)
    count = (given if given.ndim > 1 else one_hot(given, len(values))).sum(dim=0)
    return values[(count > 0) & (count < len(given))].mean()


class MulticlassMacroAUROC(MulticlassAUROC):
    """Area under the ROC curve, one class against the rest."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average=None)

    def compute(self) -> Tensor:  # type: ignore[override]  # as in torchmetrics itself
        """Returns the mean over the classes."""
        return _over_known(super().compute, self.target)


class MulticlassMacroAveragePrecision(MulticlassAveragePrecision):
    """Average precision, one class against the rest."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average=None)

    def compute(self) -> Tensor:  # type: ignore[override]  # as in torchmetrics itself
        """Returns the mean over the classes."""
        return _over_known(super().compute, self.target)


class MultilabelMacroAUROC(MultilabelAUROC):
    """Area under the ROC curve of each label."""

    def __init__(self, num_labels: int) -> None:
        super().__init__(num_labels=num_labels, average=None)

    def compute(self) -> Tensor:  # type: ignore[override]  # as in torchmetrics itself
        """Returns the mean over the classes."""
        return _over_known(super().compute, self.target)


class MultilabelMacroAveragePrecision(MultilabelAveragePrecision):
    """Average precision of each label."""

    def __init__(self, num_labels: int) -> None:
        super().__init__(num_labels=num_labels, average=None)

    def compute(self) -> Tensor:  # type: ignore[override]  # as in torchmetrics itself
        """Returns the mean over the classes."""
        return _over_known(super().compute, self.target)


class BalancedAccuracy(MulticlassAccuracy):
    """Mean recall of the classes that have samples."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average=None)

    def compute(self) -> Tensor:
        """Returns the mean over the classes."""
        recall: Tensor = super().compute()
        return recall[torch.as_tensor(self.tp) + torch.as_tensor(self.fn) > 0].mean()
