import copy

import pytest
import torch
from torch import nn

from graft.backbones import TimmBackbone
from graft.backbones.stages import partition
from graft.backbones.upper import NotCut, Upper

FAMILIES = [
    "test_resnet",
    "test_vit",
    "test_vit2",
    "test_convnext",
    "test_efficientnet",
    "test_nfnet",
    "test_byobnet",
    pytest.param("vgg11", marks=pytest.mark.slow),  # half a gigabyte of weights
    "mobilenetv3_small_050",
    "inception_v3",
]


@pytest.fixture
def made(settings):
    def make(model):
        torch.manual_seed(0)
        size = 64 if "vit" in model else None
        return TimmBackbone(**settings(model=model, weights="none", image_size=size)).eval()

    return make


@pytest.mark.parametrize("model", FAMILIES)
def test_every_stage_leads_to_the_same_features_without_those_below(made, model):
    backbone = made(model)
    size = 96 if model == "inception_v3" else 64
    example, inputs = torch.randn(2, 3, size, size), torch.randn(3, 3, size, size)
    with torch.no_grad():
        wanted = backbone(inputs)
        for number, stage in enumerate(backbone.stages[:-1]):
            backbone.enter(stage.name, example)
            activation = backbone.forward_to(stage.name, inputs)
            below = [value for lower in backbone.stages[: number + 1] for value in lower.parameters.values()]
            kept = [value.clone() for value in below]
            for value in below:
                value.fill_(float("nan"))  # would show in what comes out
            assert torch.equal(backbone.forward_from(stage.name, activation), wanted)
            for value, before in zip(below, kept, strict=True):
                value.copy_(before)
        assert torch.equal(backbone(inputs), wanted)  # all is as it was


def test_what_lies_above_learns_as_in_the_whole_network(made):
    whole = made("test_resnet").train()
    for parameter in [value for stage in whole.stages[:3] for value in stage.parameters.values()]:
        parameter.requires_grad_(False)
    for module in [module for stage in whole.stages[:3] for module in stage.modules]:
        module.eval()
    cut = copy.deepcopy(whole)
    inputs = torch.randn(4, 3, 64, 64)
    cut.enter("block_2", inputs[:2])
    assert [module.training for module in cut.modules()] == [module.training for module in whole.modules()]
    with torch.no_grad():
        activation = cut.forward_to("block_2", inputs)
    whole(inputs).sum().backward()
    cut.forward_from("block_2", activation).sum().backward()
    gradients = [[value.grad for value in network.parameters()] for network in (whole, cut)]
    assert sum(value is not None for value in gradients[0]) > 3
    for wanted, got in zip(*gradients, strict=True):
        assert (wanted is None) == (got is None)
        assert wanted is None or torch.allclose(wanted, got, rtol=1e-4, atol=1e-6)
    running = [dict(network.named_buffers()) for network in (whole, cut)]
    assert all(torch.equal(value, running[1][name]) for name, value in running[0].items())


def test_a_copy_is_entered_on_its_own(made):
    backbone = made("test_vit")
    inputs = torch.randn(2, 3, 64, 64)
    backbone.enter("block_2", inputs)
    other = copy.deepcopy(backbone)
    with torch.no_grad():
        next(iter(other.stages[-1].parameters.values())).mul_(3)
        activation = backbone.forward_to("block_2", inputs)
        assert torch.equal(other.forward_from("block_2", activation), other(inputs))
        assert torch.equal(backbone.forward_from("block_2", activation), backbone(inputs))
        assert not torch.equal(backbone(inputs), other(inputs))


class Skipping(nn.Module):
    """What the first stage makes goes past the second."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 5)

    def forward(self, inputs):
        first = self.first(inputs)
        return self.third(self.second(first)) + first


def test_a_network_of_which_more_goes_up_is_not_cut():
    torch.manual_seed(0)
    network = Skipping().eval()
    names = [[f"{part}.weight", f"{part}.bias"] for part in ("first", "second", "third")]
    stages = partition(network, names)
    with pytest.raises(NotCut, match="behind block_1: other features come out"):
        Upper(network, stages, 1, torch.randn(2, 3))
    assert Upper(network, stages, 0, torch.randn(2, 3)).activation.shape == (2, 5)  # the one tensor that goes up
