import numpy as np
import pytest
from scipy import stats

from graft.comparing.statistics import paired, spread


def test_spread_and_test_are_those_of_scipy():
    draw = np.random.default_rng(0)
    first, second = draw.normal(0.8, 0.02, 7), draw.normal(0.79, 0.02, 7)
    found = spread(first.tolist())
    assert found.deviation == pytest.approx(np.std(first, ddof=1))
    assert found.interval == pytest.approx(stats.t.interval(0.95, 6, first.mean(), stats.sem(first)))
    seeds = [(seed, 0, None) for seed in range(7)]
    pairs = paired(dict(zip(seeds, first, strict=True)), dict(zip(reversed(seeds), second, strict=True)), "max")
    assert pairs.p == pytest.approx(stats.ttest_rel(first, second[::-1]).pvalue)
    assert pairs.spread.mean == pytest.approx(np.mean(first - second[::-1]))


def test_folds_share_training_samples_and_are_no_independent_pairs():
    """By hand: differences .01, .02, .03, .02, .02, mean .02, variance .00005; t = .02 / sqrt((1/5 + 1/4) × .00005)."""
    folds = [(0, 0, None, f"{number}/5") for number in range(1, 6)]
    first = dict(zip(folds, (0.81, 0.82, 0.83, 0.82, 0.82), strict=True))
    pairs = paired(first, dict.fromkeys(folds, 0.8), "max")
    t = 0.02 / 0.0047434165
    assert pairs.p == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-6)
    assert pairs.spread.interval == pytest.approx((0.02 - 2.7764451 * 0.0047434165, 0.02 + 2.7764451 * 0.0047434165))
    same = paired(
        {(seed, *folds[0][1:]): value for seed, value in enumerate(first.values())},
        {(seed, *folds[0][1:]): 0.8 for seed in range(5)},
        "max",
    )
    assert same.p < pairs.p / 3, "seeds of one fold are paired as they are"


def test_splits_that_were_drawn_anew_share_training_samples_too():
    """By hand: the same differences; 15 % validate, so that t = .02 / sqrt((1/5 + 15/85) × .00005)."""
    drawn = [(seed, seed, None, None) for seed in range(5)]
    first = dict(zip(drawn, (0.81, 0.82, 0.83, 0.82, 0.82), strict=True))
    pairs = paired(first, dict.fromkeys(drawn, 0.8), "max", 0.15)
    error = (0.00005 * (1 / 5 + 15 / 85)) ** 0.5
    assert pairs.p == pytest.approx(2 * stats.t.sf(0.02 / error, 4), rel=1e-6)
    assert pairs.spread.interval == pytest.approx((0.02 - 2.7764451 * error, 0.02 + 2.7764451 * error))
    assert paired(first, dict.fromkeys(drawn, 0.8), "max").shared is None


@pytest.mark.parametrize(
    ("drawn", "shared"),
    [
        ([(seed, 0, None, None) for seed in range(5)], 0.0),
        ([(seed, 0, "1/5", "1/5") for seed in range(5)], 0.0),
        ([(0, 0, f"{fold}/10", None) for fold in range(1, 11)], 0.2 / 0.8),  # what validates is the share of the rest
        ([(0, seed, None, f"{fold}/5") for seed in range(2) for fold in range(1, 6)], 1 / 4),
        ([(0, seed, None, "2 of 3") for seed in range(5)], 1 / 2),
    ],
)
def test_what_splits_share_goes_by_what_validates(drawn, shared):
    pairs = paired(dict.fromkeys(drawn, 0.9), dict.fromkeys(drawn, 0.8), "max", 0.2)
    assert pairs.shared == pytest.approx(shared)


def test_only_shared_seeds_are_paired_and_better_is_above_zero():
    pairs = paired({(0,): 0.2, (1,): 0.3, (2,): 9.0}, {(1,): 0.5, (0,): 0.1, (3,): 0.0}, "min")
    assert pairs.differences == {(0,): pytest.approx(-0.1), (1,): pytest.approx(0.2)}
    assert paired({(0,): 1.0}, {(1,): 2.0}, "max").spread is None


@pytest.mark.parametrize("first", [[0.5, 0.6, 0.7], [0.1, 0.2, 0.3], [0.5]])
def test_without_spread_there_is_no_test(first):
    other = [0.1, 0.2, 0.3][: len(first)]
    pairs = paired(
        {(seed,): value for seed, value in enumerate(first)},
        {(seed,): value for seed, value in enumerate(other)},
        "max",
    )
    assert pairs.p is None
    assert spread([]) is None
    assert spread([0.5]).interval is None
