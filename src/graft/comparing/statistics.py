"""How far chance between seeds goes: of one configuration, and between two that share seeds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graft.comparing.reading import Seeds

_LEVEL = 0.95


@dataclass(frozen=True)
class Spread:
    """Values of one thing over seeds.

    Attributes:
        n: How many.
        mean: Their mean.
        deviation: Sample standard deviation (n - 1); None of a single value.
        interval: That holds the true mean in 95 % of cases, where values are normal (Student's t); None of one value.
    """

    n: int
    mean: float
    deviation: float | None
    interval: tuple[float, float] | None


def spread(values: Sequence[float]) -> Spread | None:
    """Returns mean and spread of values; nothing of none."""
    if not values:
        return None
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Spread(1, mean, None, None)
    deviation = statistics.stdev(values)
    from scipy.special import stdtrit

    reach = float(stdtrit(len(values) - 1, (1 + _LEVEL) / 2)) * deviation / math.sqrt(len(values))
    return Spread(len(values), mean, deviation, (mean - reach, mean + reach))


@dataclass(frozen=True)
class Paired:
    """One configuration against another, seed by seed.

    Attributes:
        differences: By seed; above 0, where the first is the better one.
        spread: Of the differences; None where no seed is shared.
        p: Of the two-sided paired t-test; None with less than two pairs, or where all differences are the same.
    """

    differences: dict[Seeds, float]
    spread: Spread | None
    p: float | None


def paired(first: Mapping[Seeds, float], second: Mapping[Seeds, float], mode: str) -> Paired:
    """Compares two configurations over the seeds that both have.

    Args:
        first: Scores by seed.
        second: Likewise.
        mode: `max`, where higher scores are better, or `min`.
    """
    sign = 1 if mode == "max" else -1
    differences = {seeds: sign * (first[seeds] - second[seeds]) for seeds in first if seeds in second}
    found = spread(list(differences.values()))
    return Paired(differences, found, None if found is None else _p_of_zero(found))


def _p_of_zero(found: Spread) -> float | None:
    """The probability of a mean at least as far from 0, if the true one were 0 (Student 1908)."""
    if not found.deviation or found.deviation < 1e-12 * abs(found.mean):
        return None
    from scipy.special import stdtr

    t = found.mean / (found.deviation / math.sqrt(found.n))
    return float(2 * stdtr(found.n - 1, -abs(t)))
