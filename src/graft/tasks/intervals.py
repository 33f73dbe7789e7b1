"""How far a score can be trusted, and where it comes from: resampled, and by groups of samples."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics import Metric, MetricCollection

from graft.tasks.predictions import Predictions

_LEVEL = 0.95

Steps = Callable[[Iterable[int]], Iterable[int]]


def bootstrap_intervals(
    metrics: Mapping[str, Metric], predictions: Predictions, *, resamples: int, seed: int, steps: Steps = iter
) -> dict[str, tuple[float, float]]:
    """Returns for each metric the interval that holds 95 % of its values over resampled samples.

    The percentile bootstrap (Efron, Annals of Statistics 7, 1979): samples are drawn with replacement, as many as
    there are. It tells the chance in which samples were tested, not the one in training (that is the spread over
    seeds), and takes samples as independent of one another. Resamples that leave a metric undefined do not count.

    Args:
        metrics: By name; each takes predictions and targets. They are copied.
        predictions: Of one split.
        resamples: How many; 40 is the least of which any lie beyond the ends.
        seed: Of the resampling.
        steps: Wraps the resamples, such as with a progress bar.
    """
    collection = _copied(metrics)
    generator = torch.Generator().manual_seed(seed)
    count = len(predictions.index)
    values = [
        _scores(collection, predictions, torch.randint(count, (count,), generator=generator))
        for _ in steps(range(resamples))
    ]
    outside = (1 - _LEVEL) / 2
    return {
        name: tuple(np.nanquantile([each[name] for each in values], [outside, 1 - outside]).tolist())
        for name in metrics
        if not all(np.isnan(each[name]) for each in values)
    }


def scores_by(
    metrics: Mapping[str, Metric], predictions: Predictions, values: NDArray[Any]
) -> dict[str, dict[str, float | None]]:
    """Returns `samples` and all metrics of the samples of each value; None where a metric is undefined.

    Args:
        metrics: By name; each takes predictions and targets. They are copied.
        predictions: Of one split.
        values: One for each prediction.
    """
    collection = _copied(metrics)
    parts: dict[str, dict[str, float | None]] = {}
    for value in np.unique(values):
        rows = torch.from_numpy(np.flatnonzero(values == value))
        scores = _scores(collection, predictions, rows)
        defined = {name: None if np.isnan(score) else score for name, score in scores.items()}
        parts[str(value)] = {"samples": len(rows), **defined}
    return parts


def _copied(metrics: Mapping[str, Metric]) -> MetricCollection:
    collection = MetricCollection(dict(metrics)).clone()
    for metric in collection.values():
        metric.distributed_available_fn = lambda: False  # the predictions of all processes are here already
    return collection


def _scores(collection: MetricCollection, predictions: Predictions, rows: torch.Tensor) -> dict[str, float]:
    collection.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class may be missing among so few
        collection.update(predictions.values[rows], predictions.target[rows])
        return {name: float(value) for name, value in collection.compute().items()}
