from functools import partial

import pytest
import torch
from torch import nn

from graft.errors import ConfigError
from graft.strategies.schedules import constant, cosine, exponential, one_cycle, plateau, step, triangular


def rates(schedule, steps):
    parameters = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    optimizer = torch.optim.SGD(parameters)
    scheduler = schedule(optimizer)["scheduler"]
    seen = []
    for _ in range(steps):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return torch.tensor(seen)


def test_cosine_warms_up_then_falls_to_zero_in_every_group_alike():
    seen = rates(lambda optimizer: cosine(optimizer, total_steps=20, warmup=0.2), 21)
    assert torch.allclose(seen[:4, 0], torch.tensor([0.25, 0.5, 0.75, 1.0]))
    assert torch.allclose(seen[12, 0], torch.tensor(0.5))
    assert seen[20].abs().max() < 1e-9
    assert torch.allclose(seen[:, 1], 0.1 * seen[:, 0])


def test_constant_stays_and_plateau_names_its_metric():
    assert (rates(lambda optimizer: constant(optimizer, total_steps=5), 5)[:, 0] == 1).all()
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    config = plateau(optimizer, total_steps=5, monitor="val/auroc", mode="max", factor=0.1, patience=0)
    config["scheduler"].step(0.9)
    config["scheduler"].step(0.8)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    assert config["monitor"] == "val/auroc"


def test_slanted_triangles_have_the_rates_of_the_paper():
    """Howard & Ruder's equation 3: cut = T * cut_frac; p = t / cut, or 1 - (t - cut) / (cut * (1 / cut_frac - 1))."""
    total, cut_frac, ratio = 50, 0.2, 32.0
    seen = rates(lambda optimizer: triangular(optimizer, total_steps=total, warmup=cut_frac, ratio=ratio), total)
    cut = int(total * cut_frac)
    for now in range(total):
        share = now / cut if now < cut else 1 - (now - cut) / (cut * (1 / cut_frac - 1))
        assert seen[now, 0] == pytest.approx((1 + share * (ratio - 1)) / ratio)
    assert torch.allclose(seen[:, 1], 0.1 * seen[:, 0])


def test_one_cycle_is_that_of_torch_without_its_momentum():
    total = 40
    own = rates(lambda optimizer: one_cycle(optimizer, total_steps=total, warmup=0.25, start=0.04, end=4e-6), total)

    def torchs(optimizer):
        settings = {"total_steps": total + 1, "pct_start": 11 / 41, "div_factor": 25.0, "final_div_factor": 1e4}
        cycle = torch.optim.lr_scheduler.OneCycleLR
        return {"scheduler": cycle(optimizer, [1.0, 0.1], cycle_momentum=False, **settings)}

    assert torch.allclose(own, rates(torchs, total), atol=1e-6)


def test_steps_fall_where_they_should():
    seen = rates(lambda optimizer: step(optimizer, total_steps=20, at=[0.5, 0.75], factor=0.1), 20)
    assert seen[:, 0].tolist() == pytest.approx([1.0] * 10 + [0.1] * 5 + [0.01] * 5)


def test_plateau_lowers_rates_however_low_they_are():
    deep = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1e-3, 1e-9)]
    optimizer = torch.optim.SGD(deep)
    scheduler = plateau(optimizer, None, "val/loss", "min", factor=0.1, patience=0)["scheduler"]
    for _ in range(2):
        scheduler.step(1.0)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-4, 1e-10], rel=1e-6, abs=0)


@pytest.mark.parametrize(
    "schedule",
    [
        partial(cosine, warmup=0.1),
        partial(triangular, warmup=0.1, ratio=32.0),
        partial(one_cycle, warmup=0.1, start=0.1, end=0.1),
        partial(step, at=[0.5], factor=0.1),
    ],
)
def test_a_schedule_over_the_whole_training_needs_an_end(schedule):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(ConfigError, match="scheduler=constant or plateau"):
        schedule(optimizer, total_steps=None)


def test_a_range_test_goes_from_the_lowest_rate_to_the_highest_in_every_group_alike():
    seen = rates(lambda optimizer: exponential(optimizer, total_steps=7, factor=1e6), 7)
    assert torch.allclose(seen[:, 0].log10(), torch.arange(7.0))
    assert torch.allclose(seen[:, 1], 0.1 * seen[:, 0])
