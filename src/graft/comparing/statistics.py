"""How far chance between seeds goes: of one configuration, and between two that share seeds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graft.comparing.reading import Seeds, folds_of

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


def spread(values: Sequence[float], shared: float = 0.0) -> Spread | None:
    """Returns mean and spread of values; nothing of none.

    Args:
        values: The values.
        shared: Of folds, how many samples one holds out for each that it trains on; 0: the values are independent.
    """
    if not values:
        return None
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Spread(1, mean, None, None)
    deviation = statistics.stdev(values)
    from scipy.special import stdtrit

    reach = float(stdtrit(len(values) - 1, (1 + _LEVEL) / 2)) * deviation * math.sqrt(1 / len(values) + shared)
    return Spread(len(values), mean, deviation, (mean - reach, mean + reach))


@dataclass(frozen=True)
class Paired:
    """One configuration against another, seed by seed.

    Attributes:
        differences: By seed; above 0, where the first is the better one.
        spread: Of the differences; None where no seed is shared.
        shared: Of folds, how many samples one holds out for each that it trains on: 1 / (k - 1), else 0.
        p: Of the two-sided paired t-test, of folds corrected; None with less than two pairs, or where all differences
            are the same.
    """

    differences: dict[Seeds, float]
    spread: Spread | None
    p: float | None
    shared: float = 0.0


def paired(first: Mapping[Seeds, float], second: Mapping[Seeds, float], mode: str) -> Paired:
    """Compares two configurations over the seeds that both have.

    Args:
        first: Scores by seed.
        second: Likewise.
        mode: `max`, where higher scores are better, or `min`.
    """
    sign = 1 if mode == "max" else -1
    differences = {seeds: sign * (first[seeds] - second[seeds]) for seeds in first if seeds in second}
    shared = _shared(list(differences))
    found = spread(list(differences.values()), shared)
    return Paired(differences, found, None if found is None else _p_of_zero(found, shared), shared)


def _shared(pairs: Sequence[Seeds]) -> float:
    """Of pairs of different folds, 1 / (k - 1)."""
    folds = {part for seeds in pairs for part in seeds if folds_of(part)}
    counts = [count for fold in folds if (count := folds_of(fold))]
    return 1 / (min(counts) - 1) if len(folds) > 1 else 0.0


def _p_of_zero(found: Spread, shared: float) -> float | None:
    """The probability of a mean at least as far from 0, if the true one were 0 (Student 1908).

    Folds have most training samples in common, so that their mean varies by more than their deviation tells: its
    variance is (1/n + shared) times theirs (Nadeau and Bengio 2003; Bouckaert and Frank 2004 for repeated folds).
    """
    if not found.deviation or found.deviation < 1e-12 * abs(found.mean):
        return None
    from scipy.special import stdtr

    t = found.mean / (found.deviation * math.sqrt(1 / found.n + shared))
    return float(2 * stdtr(found.n - 1, -abs(t)))
