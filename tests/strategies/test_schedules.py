import pytest
import torch
from torch import nn

from graft.strategies.schedules import constant, cosine, plateau


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
    config = plateau(optimizer, total_steps=5, monitor="val/auroc", mode="max", factor=0.1, patience=0, frequency=1)
    config["scheduler"].step(0.9)
    config["scheduler"].step(0.8)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
    assert config["monitor"] == "val/auroc"
