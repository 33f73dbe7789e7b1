"""What a range test says of learning rates. Pure: numbers in, numbers out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft.errors import GraftError

Floats = NDArray[np.float64]

_WINDOWS = 8  # stretches of the curve that are smoothed as one
_SURE = 4.0  # standard errors that the loss must fall; where it does not, chance lets one test in fifteen pass
_SIGMA = 1.4826  # standard deviations of a normal distribution in its median distance from the mean
_DIGITS = 2  # of a rate; nobody can tell more from a curve like this


@dataclass(frozen=True)
class Suggestion:
    """A learning rate, and what speaks for it.

    Attributes:
        rate: with two digits.
        smoothed: (n,) the loss as a straight line through each stretch has it.
        is_last: whether it is where the test ended while the loss still fell: a larger one may be better.
    """

    rate: float
    smoothed: list[float]
    is_last: bool


def suggest(rates: Sequence[float], losses: Sequence[float], steps: int, rule: str) -> Suggestion:
    """Reads a rate from the losses of a range test.

    Lines through stretches of an eighth of all steps (Savitzky & Golay, Anal. Chem. 36, 1964) give loss and slope over
    the logarithm of the rate. Both are centred, so that a fall is found where it is; the running mean that is usual
    would find it some steps later, at too high a rate.

    Args:
        rates: (n,) ascending, each a fixed multiple of the one before.
        losses: (n,) of the training batches; n is less than `steps` where the test ended because the loss diverged.
        steps: that were planned.
        rule: "steepest", the rate at which the loss falls most; or "minimum", a tenth of that at which it is lowest.

    Raises:
        GraftError: The loss diverged too soon, or did not fall.
    """
    from scipy.signal import savgol_filter

    window = max(5, steps // _WINDOWS) | 1
    if len(losses) < 2 * window:
        raise GraftError(
            f"find.lr: the training loss diverged, or was no number, after {len(losses)} of {steps} steps, at a rate of"
            f" {rates[max(0, len(losses) - 1)]:.2g}: too soon to tell a good rate. Lower find.lr.low, or raise"
            " find.lr.steps; if it does so at any rate, inputs or labels are broken, or trainer.precision is too low."
        )
    values = np.asarray(losses, dtype=np.float64)
    smoothed: Floats = savgol_filter(values, window, polyorder=1)
    slope: Floats = savgol_filter(values, window, polyorder=1, deriv=1)
    lowest = int(smoothed.argmin())
    _check_fall(values, smoothed, window, rates)
    if rule == "minimum":
        rate = rates[lowest] / 10
    else:
        lowest_slope = int(slope[: lowest + 1].argmin())
        rate = rates[lowest_slope]
    still_falls = len(losses) == steps and lowest >= steps - window
    return Suggestion(float(f"{rate:.{_DIGITS}g}"), smoothed.tolist(), still_falls)


def _check_fall(losses: Floats, smoothed: Floats, window: int, rates: Sequence[float]) -> None:
    """Compares means of stretches: the ends of a line through the first or the last vary twice as much.

    How much losses vary is said by their median distance, on which the leaps of a loss that begins to diverge weigh
    little.
    """
    means = np.convolve(losses, np.full(window, 1 / window), mode="valid")
    lowest = int(means.argmin())
    spread = _SIGMA * float(np.median(abs(losses - smoothed)[: lowest + window]))
    error = spread / math.sqrt(window)
    if means[0] - means[lowest] <= _SURE * error + 1e-3 * abs(means[0]):
        raise GraftError(
            f"find.lr: the training loss fell at no rate from {rates[0]:.2g} to {rates[len(losses) - 1]:.2g} by more"
            f" than it varies from batch to batch ({means[0]:.4g} at first, {means[lowest]:.4g} at best). Raise"
            " find.lr.high if it ends at that, else raise find.lr.steps or datamodule.batch_size."
        )
