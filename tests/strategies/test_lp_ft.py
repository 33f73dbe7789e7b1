"""Why the head comes first: the linear setting of Kumar et al. (ICLR 2022), in float64, trained by the phases."""

import pytest
import torch
from torch import nn

from graft.backbones.stages import whole
from graft.strategies import Strategy
from graft.strategies.freezing import set_learning
from graft.strategies.groups import parameter_groups

WIDTH, RANK, SAMPLES, SEEN = 40, 4, 20, 12
FLAT = {"epochs": None, "lr_scale": 1.0, "lr_decay": 1.0}
SCHEDULES = {
    "lp": [{"train": "head", **FLAT}],
    "ft": [{"train": "all", **FLAT}],
    "lp_ft": [{"train": "head", **FLAT, "epochs": 1}, {"train": "all", **FLAT}],
}


def errors(name, seed, steps=1500):
    """Squared errors in and out of distribution: training inputs lie in a subspace, the others do not."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    truth = torch.linalg.qr(normal(WIDTH, RANK))[0].T
    wanted = normal(1, RANK)
    subspace = torch.linalg.qr(normal(WIDTH, SEEN))[0]
    inputs, others = normal(SAMPLES, SEEN) @ subspace.T, normal(500, WIDTH)
    backbone, head = nn.Linear(WIDTH, RANK, bias=False).double(), nn.Linear(RANK, 1, bias=False).double()
    with torch.no_grad():
        backbone.weight.copy_(truth + 0.1 * normal(RANK, WIDTH))
        head.weight.copy_(normal(1, RANK))
    stages = (whole("stem", backbone), whole("head", head))
    strategy = Strategy(name, SCHEDULES[name], ["stem", "head"])
    optimizer = torch.optim.SGD(parameter_groups(stages, strategy.scales(0), lr=0.02, weight_decay=0.0, undecayed=()))
    targets = inputs @ truth.T @ wanted.T
    for number in range(len(strategy.phases)):
        set_learning(stages, strategy.learning(number))
        for _ in range(steps):
            optimizer.zero_grad()
            (head(backbone(inputs)) - targets).pow(2).mean().backward()
            optimizer.step()
    with torch.no_grad():
        inside = (head(backbone(inputs)) - targets).pow(2).mean()
        outside = (head(backbone(others)) - others @ truth.T @ wanted.T).pow(2).mean()
    return float(inside), float(outside)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_lost_outside_of_the_training_data_is_less_when_the_head_comes_first(seed):
    found = {name: errors(name, seed) for name in SCHEDULES}
    assert found["lp_ft"][1] < found["ft"][1]
    assert found["lp_ft"][0] < found["lp"][0]  # and inside nothing is given up for it
