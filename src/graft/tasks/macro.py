"""Means over the classes of which something can be said; torchmetrics counts the others as 0.

A class may be absent among few samples: those of a group, of a small split, or drawn anew for an interval.
"""

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torchmetrics import Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassAveragePrecision,
    MultilabelAUROC,
    MultilabelAveragePrecision,
)
from torchmetrics.utilities.data import dim_zero_cat


class _MeanArea(Metric):
    """Mean of a curve's area over the classes with samples both in and out of them; NaN where there is none."""

    def __init__(self, **size: int) -> None:
        of_each_class: Any = {"average": None}
        super().__init__(**size, **of_each_class)

    def compute(self) -> Tensor:
        """Returns the mean over the classes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a class is absent
            areas: Tensor = super().compute()  # type: ignore[safe-super] # the next in line is no abstract one
        gathered: Any = self.target
        target = dim_zero_cat(gathered)
        count = (target if target.ndim > 1 else one_hot(target, len(areas))).sum(dim=0)
        return areas[(count > 0) & (count < len(target))].mean()


class MulticlassMacroAUROC(_MeanArea, MulticlassAUROC):  # type: ignore[misc] # torchmetrics' own differs from its base
    """Area under the ROC curve, one class against the rest."""


class MulticlassMacroAveragePrecision(_MeanArea, MulticlassAveragePrecision):  # type: ignore[misc] # likewise
    """Average precision, one class against the rest."""


class MultilabelMacroAUROC(_MeanArea, MultilabelAUROC):  # type: ignore[misc] # likewise
    """Area under the ROC curve of each label."""


class MultilabelMacroAveragePrecision(_MeanArea, MultilabelAveragePrecision):  # type: ignore[misc] # likewise
    """Average precision of each label."""


class BalancedAccuracy(MulticlassAccuracy):
    """Mean recall of the classes that have samples."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average=None)

    def compute(self) -> Tensor:
        """Returns the mean over the classes."""
        recall: Tensor = super().compute()
        return recall[torch.as_tensor(self.tp) + torch.as_tensor(self.fn) > 0].mean()
