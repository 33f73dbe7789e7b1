import numpy as np
import pytest

from graft.errors import GraftError
from graft.rehearsals.curve import suggest

STEPS = 100
RATES = np.geomspace(1e-6, 10, STEPS)
DECADES = np.log10(RATES)


def falling(at=-3.0, noise=0.03, seed=0):
    """Losses from 0.7 to 0.3 that fall most at a rate of `10 ** at`, and diverge from 0.3 on."""
    losses = 0.3 + 0.4 / (1 + np.exp(3 * (DECADES - at))) + 3 * np.maximum(0, DECADES + 0.5)
    return losses + noise * np.random.default_rng(seed).standard_normal(STEPS)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("at", [-4.0, -3.0, -2.0])
def test_the_rate_is_where_the_loss_falls_most_by_decade(at, seed):
    """A running mean would be late by some tenths of a decade, the slope over the rate itself early by decades."""
    found = suggest(RATES, falling(at, seed=seed), STEPS, "steepest")
    assert abs(np.log10(found.rate) - at) < 0.4
    assert found.rate == float(f"{found.rate:.1e}")
    assert not found.is_last


def test_what_diverges_is_no_fall_to_the_bottom_of_it():
    """Losses fall most steeply from a peak; what counts is the way down to the lowest, before the peak."""
    losses = falling(noise=0)
    losses[-14:] = [*np.full(7, 9.0), *np.full(7, 4.0)]
    assert abs(np.log10(suggest(RATES, losses, STEPS, "steepest").rate) + 3) < 0.2


def test_the_other_rule_takes_a_tenth_of_the_rate_with_the_lowest_loss():
    losses = 1 + (DECADES + 1) ** 2
    found = suggest(RATES, losses[:80], STEPS, "minimum")
    assert abs(np.log10(found.rate) + 2) < 0.1


def test_a_loss_that_still_falls_at_the_end_is_told_of():
    losses = 1 - 0.05 * np.arange(STEPS) / STEPS
    assert suggest(RATES, losses, STEPS, "steepest").is_last


def test_chance_is_seldom_taken_for_a_fall():
    refused = []
    for seed in range(40):
        try:
            suggest(RATES, 0.7 + 0.1 * np.random.default_rng(seed).standard_normal(STEPS), STEPS, "steepest")
        except GraftError as error:
            refused.append(str(error))
    assert len(refused) >= 34
    assert "the training loss fell at no rate from 1e-06 to 10 by more than it varies" in refused[0]


@pytest.mark.parametrize("count", [0, 1, 20])
def test_a_loss_that_diverges_at_once_gives_no_rate(count):
    with pytest.raises(
        GraftError, match=rf"after {count} of 100 steps, at a rate of [\d.e-]+: too soon .* find\.lr\.low"
    ):
        suggest(RATES, [0.7] * count, STEPS, "steepest")
