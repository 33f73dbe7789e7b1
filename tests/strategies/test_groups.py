import pytest
import torch
from torch import nn

from graft.backbones.stages import Stage, partition
from graft.strategies.groups import parameter_groups, undecayed


def test_every_parameter_is_in_one_named_group_with_its_own_rate(tiny):
    network, head, stages = tiny
    scales = {"stem": 0.1, "block_1": 0.2, "block_2": 0.4, "head": 1.0}
    groups = parameter_groups(stages, scales, lr=0.5, weight_decay=0.3, undecayed=undecayed(stages))
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
    groups = parameter_groups(stages, {"a": 1.0, "b": 1.0}, 0.1, 0.0, ())
    assert sum(len(group["params"]) for group in groups) == 4


def test_a_shared_parameter_is_updated_once():
    shared = nn.Parameter(torch.zeros(2, 2))
    stages = [Stage("a", {"w": shared}, ()), Stage("b", {"w": shared}, ())]
    groups = parameter_groups(stages, {"a": 1.0, "b": 1.0}, 0.1, 0.0, ())
    assert [group["name"] for group in groups] == ["a/decay"]


class Affine(nn.Module):
    """A norm of ResMLP: scale and shift of shape (1, 1, width), under names of their own."""

    def __init__(self):
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.ones(1, 1, 4)), nn.Parameter(torch.zeros(1, 1, 4))


def test_norms_and_biases_of_any_shape_and_what_is_exempt_are_not_decayed():
    network = nn.Module()
    network.norm, network.layer = Affine(), nn.Linear(4, 4)
    network.in_proj_bias, network.pos_embed = nn.Parameter(torch.zeros(1, 4)), nn.Parameter(torch.zeros(1, 9, 4))
    stages = partition(network, [[name for name, _ in network.named_parameters()]])
    (decayed, other) = parameter_groups(stages, {"stem": 1.0}, 0.1, 0.3, undecayed(stages, {"pos_embed"}))
    assert [id(value) for value in decayed["params"]] == [id(network.layer.weight)]
    assert len(other["params"]) == 5
