"""The loss and the metrics of a split, gathered batch by batch."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection

AT_ONCE = 2**18  # predicted values that metrics take in at once: 1 MiB


class RunningScores(nn.Module):
    """Adds up batches; what comes out is over all processes.

    Its own class, because Lightning's logging of the same metrics in each step takes longer than the step of a head on
    known features. So would the metrics' own work on a small batch: they are given many batches at once.

    Args:
        metrics: By name; each takes predictions and targets. They are copied.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        super().__init__()
        self.metrics = MetricCollection(dict(metrics)).clone()
        self.loss = MeanMetric(nan_strategy=math.nan)  # NaN stays NaN; "disable" would forget the weights
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []
        self._values = 0

    def add(self, loss: Tensor, predictions: Tensor, targets: Tensor) -> None:
        """Takes a batch in: its mean loss, its predictions and its targets."""
        self._waiting.append((loss, predictions, targets))
        self._values += predictions.numel()
        if self._values >= AT_ONCE:
            self._take_in()

    def mean_loss(self) -> float:
        """Returns the mean loss so far. All processes must call it."""
        self._take_in()
        return float(self.loss.compute())

    def take(self, prefix: str = "") -> dict[str, float]:
        """Returns the metrics and "loss", each name after `prefix`, and begins anew. All processes must call it."""
        self._take_in()
        values = {**self.metrics.compute(), "loss": self.loss.compute()}
        self.metrics.reset()
        self.loss.reset()
        return {f"{prefix}{name}": float(value) for name, value in values.items()}

    def _take_in(self) -> None:
        if not self._waiting:
            return
        losses, predictions, targets = zip(*self._waiting, strict=True)
        self._waiting, self._values = [], 0
        sizes = torch.tensor([len(of_batch) for of_batch in targets])
        self.metrics.update(torch.cat(predictions), torch.cat(targets))
        self.loss.update(torch.stack(losses), weight=sizes.to(losses[0].device))
