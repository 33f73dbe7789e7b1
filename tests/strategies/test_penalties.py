import copy
from itertools import pairwise

import pytest
import torch
from torch import nn

from graft.backbones.stages import Stage
from graft.errors import ConfigError
from graft.strategies.penalties import L2SP


def trained(tiny, strength, steps=60):
    network, head, stages = tiny
    penalty = L2SP(strength)
    penalty.begin(stages[:-1])
    torch.manual_seed(0)
    inputs, targets = torch.randn(64, 4), torch.randn(64, 2)
    network.eval()  # no dropout: the strength alone shall tell
    optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        ((head(network(inputs)) - targets).pow(2).mean() + penalty()).backward()
        optimizer.step()
    return penalty.distance()


def test_the_distance_from_the_start_falls_with_the_strength(tiny):
    distances = [trained(copy.deepcopy(tiny), strength) for strength in (0.0, 0.1, 1.0, 10.0)]
    assert all(near < far for far, near in pairwise(distances))
    assert distances[-1] < 0.2 * distances[0]


def test_it_is_half_the_strength_times_the_squared_distance(tiny):
    _, _, stages = tiny
    penalty = L2SP(0.3)
    penalty.begin(stages[:-1])
    assert penalty().item() == 0
    weight = stages[0].parameters["entry.weight"]
    with torch.no_grad():
        weight += 2.0
    assert penalty().item() == pytest.approx(0.5 * 0.3 * 4.0 * weight.numel())
    penalty().backward()
    assert torch.allclose(weight.grad, torch.full_like(weight, 0.3 * 2.0))
    with pytest.raises(ConfigError, match=r"penalty\.l2sp\.strength"):
        L2SP(-1.0)


def test_new_parameters_of_adapters_are_not_pulled():
    parameters = {
        "q.base_layer.weight": nn.Parameter(torch.ones(2)),
        "q.lora_A.default.weight": nn.Parameter(torch.ones(2)),
    }
    penalty = L2SP(1.0)
    penalty.begin([Stage("stem", parameters, ())])
    with torch.no_grad():
        parameters["q.lora_A.default.weight"] += 5
    assert penalty().item() == 0
