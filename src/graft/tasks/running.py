"""The loss and the metrics of a split, gathered batch by batch."""

import math
from collections.abc import Mapping

from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection


class RunningScores(nn.Module):
    """Adds up batches; what comes out is over all processes.

    Its own class, because Lightning's logging of the same metrics in each step takes longer than the step of a head on
    known features.

    Args:
        metrics: By name; each takes predictions and targets. They are copied.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        super().__init__()
        self.metrics = MetricCollection(dict(metrics)).clone()
        self.loss = MeanMetric(nan_strategy=math.nan)  # NaN stays NaN; "disable" would forget the weights

    def add(self, loss: Tensor, predictions: Tensor, targets: Tensor) -> None:
        """Takes a batch in: its mean loss, its predictions and its targets."""
        self.metrics.update(predictions, targets)
        self.loss.update(loss, weight=len(targets))

    def take(self, prefix: str = "") -> dict[str, float]:
        """Returns the metrics and "loss", each name after `prefix`, and begins anew. All processes must call it."""
        values = {**self.metrics.compute(), "loss": self.loss.compute()}
        self.metrics.reset()
        self.loss.reset()
        return {f"{prefix}{name}": float(value) for name, value in values.items()}
