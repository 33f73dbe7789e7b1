import torch

from graft.strategies.freezing import set_learning


def test_frozen_is_frozen_and_the_rest_learns(tiny):
    network, head, stages = tiny
    network.train()
    set_learning(stages, {"block_2": "all", "head": "all"})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=0.1, weight_decay=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        head(network(torch.randn(16, 4))).pow(2).sum().backward()
        optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"top.weight", "top.bias"}  # running statistics of the norm included
    assert {id(parameter) for parameter in optimizer.state} == {
        id(parameter) for parameter in [*network.top.parameters(), *head.parameters()]
    }
    assert not network.drop.training


def test_unfreezing_gives_everything_back(tiny):
    network, _, stages = tiny
    set_learning(stages, {"head": "all"})
    set_learning(stages, {stage.name: "all" for stage in stages})
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert network.drop.training
    assert network.middle[1].training
