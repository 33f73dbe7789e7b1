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
        shared: Of splits, how many samples one holds out for each that it trains on; 0: the values are independent.
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
        shared: Of pairs with different splits, how many samples one holds out for each that it trains on, else 0; None:
            the splits differ, but nothing says how much they hold out, so that nothing is corrected.
        p: Of the two-sided paired t-test, of different splits corrected; None with less than two pairs, or where all
            differences are the same.
    """

    differences: dict[Seeds, float]
    spread: Spread | None
    p: float | None
    shared: float | None = 0.0


def paired(
    first: Mapping[Seeds, float], second: Mapping[Seeds, float], mode: str, held_out: float | None = None
) -> Paired:
    """Compares two configurations over the seeds that both have.

    Args:
        first: Scores by seed.
        second: Likewise.
        mode: `max`, where higher scores are better, or `min`.
        held_out: The share of the samples that validates, where no folds say it; None: not known.
    """
    sign = 1 if mode == "max" else -1
    differences = {seeds: sign * (first[seeds] - second[seeds]) for seeds in first if seeds in second}
    shared = _shared(list(differences), held_out)
    found = spread(list(differences.values()), shared or 0.0)
    return Paired(differences, found, None if found is None else _p_of_zero(found, shared or 0.0), shared)


def _shared(pairs: Sequence[Seeds], held_out: float | None) -> float | None:
    """Of different splits, what one holds out for validation by what it trains on; of one and the same, 0.

    By the shares and not by counts: with few shots, runs train on less than a split has, and what they have in common
    is the validation samples, whose share is the same.
    """
    if len({seeds[1:] for seeds in pairs}) < 2:
        return 0.0
    shares = [1 / folds if (folds := folds_of(seeds[3])) else held_out for seeds in pairs]
    known = [share for share in shares if share is not None]
    return max(share / (1 - share) for share in known) if len(known) == len(shares) else None


def _p_of_zero(found: Spread, shared: float) -> float | None:
    """The probability of a mean at least as far from 0, if the true one were 0 (Student 1908).

    Splits, drawn anew or folds, have most training samples in common, so that their mean varies by more than their
    deviation tells: its variance is (1/n + shared) times theirs (Nadeau and Bengio 2003 for splits drawn anew;
    Bouckaert and Frank 2004 for folds and repeated ones).
    """
    if not found.deviation or found.deviation < 1e-12 * abs(found.mean):
        return None
    from scipy.special import stdtr

    t = found.mean / (found.deviation * math.sqrt(1 / found.n + shared))
    return float(2 * stdtr(found.n - 1, -abs(t)))
