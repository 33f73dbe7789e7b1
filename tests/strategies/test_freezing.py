import pytest
import timm
import torch

from graft.backbones.stages import whole
from graft.strategies.freezing import set_learning
from graft.strategies.selection import chosen


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


@pytest.mark.parametrize(("kind", "wanted"), [("biases", "bias"), ("norms", "middle.1.")])
def test_some_parameters_learn_and_statistics_move_only_with_a_whole_norm(tiny, kind, wanted):
    network, _, stages = tiny
    network.train()
    set_learning(stages, {stage.name: kind for stage in stages})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(16, 4)).pow(2).sum().backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(wanted in name for name in changed)
    assert ("middle.1.running_mean" in changed) == (kind == "norms")
    assert network.drop.training


def test_a_bias_of_a_part_of_a_layer_is_a_bias_and_a_table_of_positions_is_none():
    attention = torch.nn.MultiheadAttention(8, 2)
    attention.relative_position_bias_table = torch.nn.Parameter(torch.zeros(9, 2))
    assert set(chosen(whole("block", attention), "biases")) == {"block.in_proj_bias", "block.out_proj.bias"}
    assert set(chosen(whole("norm", timm.models.mlp_mixer.Affine(4)), "norms")) == {"norm.alpha", "norm.beta"}
