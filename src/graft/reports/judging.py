"""Numbers of a report that follow from predictions: classes, confusions, calibration."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import precision_recall_fscore_support

from graft.data.table import Kind
from graft.reports.contents import Contents, Floats, Predicted

BINS = 15  # of a reliability diagram, as in Guo et al.
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.02, 50.0  # beyond, predictions are certain or all alike
_LEAST = 1e-12  # a probability whose logarithm is still a number


def confusion(predicted: Predicted, classes: int) -> NDArray[np.int64]:
    """Counts samples by true class (rows) and predicted class (columns), `(classes, classes)`."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (predicted.target, predicted.values.argmax(axis=1)), 1)
    return counts


def most_confused(counts: NDArray[np.int64], most: int) -> list[tuple[int, int, int, float]]:
    """Returns true class, predicted class, count and share of the true class's samples, of the commonest confusions."""
    wrong = counts * (1 - np.eye(len(counts), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(place) // len(counts), int(place) % len(counts)) for place in order]
    return [
        (true, said, int(wrong[true, said]), wrong[true, said] / counts[true].sum())
        for true, said in pairs
        if wrong[true, said]
    ]


def by_class(contents: Contents) -> list[dict[str, Any]]:
    """Returns precision, recall, F1 and the number of samples of each class or label; None where undefined."""
    predicted = contents.predictions[contents.split]
    single = contents.kind is Kind.SINGLE_LABEL
    said = predicted.values.argmax(axis=1) if single else predicted.values > 0.5
    labels = list(range(len(contents.classes)))
    parts = precision_recall_fscore_support(predicted.target, said, labels=labels, zero_division=np.nan)
    rows = []
    for name, precision, recall, f1, samples in zip(contents.classes, *parts, strict=True):
        shares = {"precision": precision, "recall": recall, "F1": f1}
        defined = {key: None if np.isnan(share) else float(share) for key, share in shares.items()}
        rows.append({"class": name, **defined, "samples": int(samples)})
    return rows


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy (Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 2).

    Attributes:
        confidence: mean probability of the predicted class in each bin that holds samples, (bins,).
        accuracy: share of right predictions there, (bins,).
        share: of all samples, (bins,).
        error: expected calibration error, the mean distance of the two, 0 … 1.
    """

    confidence: Floats
    accuracy: Floats
    share: Floats
    error: float


def reliability(predicted: Predicted, temperature: float = 1.0) -> Reliability:
    """Bins the predictions of single labels by confidence, in bins of equal width.

    Args:
        predicted: Of one split.
        temperature: What the logits are divided by before.
    """
    values = softmax(_logits(predicted) / temperature, axis=1)
    confidence, right = values.max(axis=1), values.argmax(axis=1) == predicted.target
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    held = counts > 0
    means = [np.bincount(bins, weights=each, minlength=BINS)[held] / counts[held] for each in (confidence, right)]
    share = counts[held] / counts.sum()
    return Reliability(means[0], means[1], share, float((np.abs(means[0] - means[1]) * share).sum()))


def fitted_temperature(predicted: Predicted) -> float:
    """Returns the temperature with the least cross-entropy (Guo et al. 2017, section 4.2).

    Args:
        predicted: Of the validation split; the temperature says nothing honest of the samples that it is fitted on.
    """
    logits, rows = _logits(predicted), np.arange(len(predicted.target))

    def cross_entropy(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, predicted.target].mean())

    bounds = np.log([LEAST_TEMPERATURE, MOST_TEMPERATURE])
    return float(np.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x))


def _logits(predicted: Predicted) -> Floats:
    """Up to a constant for each sample, which changes no probability."""
    return np.asarray(np.log(np.maximum(predicted.values, _LEAST)))
