import pytest
import torch

from graft.errors import ConfigError
from graft.strategies.interpolation import WiseFT, interpolated

START = {"weight": torch.tensor([1.0, 1e-7, 3.3]), "count": torch.tensor(1)}
END = {"weight": torch.tensor([0.3, 7.0, -1e9]), "count": torch.tensor(5)}


def test_both_ends_are_themselves_exactly():
    assert torch.equal(interpolated(START, END, 0.0)["weight"], START["weight"])
    assert torch.equal(interpolated(START, END, 1.0)["weight"], END["weight"])
    assert torch.allclose(interpolated(START, END, 0.5)["weight"], (START["weight"] + END["weight"]) / 2)
    assert int(interpolated(START, END, 0.5)["count"]) == 5  # a counter has no middle


@pytest.mark.parametrize(("mode", "wanted"), [("max", 0.25), ("min", 1.0)])
def test_the_share_that_validates_best_is_kept(mode, wanted):
    values = {0.0: 0.5, 0.25: 0.9, 0.5: 0.9 - 1e-6, 1.0: 0.1}
    seen = []

    def validate(state):
        seen.append(state)
        return list(values.values())[len(seen) - 1]

    state, found = WiseFT(list(values)).choose(START, END, validate, mode)
    assert found["chosen"] == wanted
    assert torch.equal(state["weight"], interpolated(START, END, wanted)["weight"])


def test_of_equals_it_is_the_most_trained_one():
    _, found = WiseFT([0.0, 0.5, 1.0]).choose(START, END, lambda _: 0.7, "max")
    assert found["chosen"] == 1.0


@pytest.mark.parametrize("alphas", [[], [0.5, 1.5], [-0.1]])
def test_a_share_outside_of_0_to_1_is_refused(alphas):
    with pytest.raises(ConfigError, match=r"callbacks\.wise_ft\.alphas"):
        WiseFT(alphas)


def test_what_did_not_change_is_the_same_to_the_last_bit_and_the_ends_are_exact():
    generator = torch.Generator().manual_seed(0)
    same = torch.randn(1000, generator=generator)
    start = {"frozen": same, "moved": torch.randn(1000, generator=generator), "count": torch.tensor(0)}
    end = {"frozen": same.clone(), "moved": torch.randn(1000, generator=generator), "count": torch.tensor(5)}
    for alpha in (0.0, 0.1, 0.3, 0.7, 1.0):
        mean = interpolated(start, end, alpha)
        assert torch.equal(mean["frozen"], same)
        torch.testing.assert_close(mean["moved"], (1 - alpha) * start["moved"] + alpha * end["moved"])
    for alpha, edge in ((0.0, start), (1.0, end)):
        mean = interpolated(start, end, alpha)
        assert all(torch.equal(value, edge[name]) for name, value in mean.items())
