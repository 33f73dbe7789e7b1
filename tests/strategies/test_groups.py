import pytest
import torch
from torch import nn

from graft.backbones.stages import Stage
from graft.strategies.groups import parameter_groups
from graft.strategies.schedules import constant, cosine, plateau


def test_every_parameter_is_in_one_named_group_with_its_own_rate(tiny):
    network, head, stages = tiny
    scales = {"stem": 0.1, "block_1": 0.2, "block_2": 0.4, "head": 1.0}
    groups = parameter_groups(stages, scales, lr=0.5, weight_decay=0.3)
    assert [group["name"] for group in groups] == [
        f"{stage}/{kind}" for stage in scales for kind in ("decay", "no_decay")
    ]
    for group in groups:
        stage, kind = group["name"].split("/")
        assert group["lr"] == pytest.approx(0.5 * scales[stage])
        assert group["weight_decay"] == (0.3 if kind == "decay" else 0.0)
        assert all((parameter.ndim > 1) == (kind == "decay") for parameter in group["params"])
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(map(id, [*network.parameters(), *head.parameters()]))


def test_equal_values_are_not_taken_for_the_same_parameter():
    """Two fresh norms hold equal tensors; Lightning's own callback drops one of them."""
    first, second = nn.BatchNorm1d(8), nn.BatchNorm1d(8)
    stages = [Stage(name, dict(norm.named_parameters()), ()) for name, norm in (("a", first), ("b", second))]
    groups = parameter_groups(stages, {"a": 1.0, "b": 1.0}, 0.1, 0.0)
    assert sum(len(group["params"]) for group in groups) == 4


def test_a_shared_parameter_is_updated_once():
    shared = nn.Parameter(torch.zeros(2, 2))
    stages = [Stage("a", {"w": shared}, ()), Stage("b", {"w": shared}, ())]
    groups = parameter_groups(stages, {"a": 1.0, "b": 1.0}, 0.1, 0.0)
    assert [group["name"] for group in groups] == ["a/decay"]


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
