import torch
from torch import nn

from graft.backbones import TimmBackbone
from graft.backbones.folding import folded


def test_folded_features_are_the_networks_own(settings):
    backbone = TimmBackbone(**settings("efficientnet_lite0")).eval()
    inputs = torch.rand(2, 3, 96, 96) * 2 - 1
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    quick = folded(backbone, inputs)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in quick.modules())
    with torch.no_grad():
        wanted = backbone(inputs)
        assert (quick(inputs) - wanted).abs().max() < 1e-4 * wanted.abs().max()
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


class Crossed(nn.Module):
    """Registers a norm behind a convolution that it does not follow."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3)
        nn.init.uniform_(self.norm.weight, 1, 2)
        nn.init.uniform_(self.norm.bias, 1, 2)

    def forward(self, inputs):
        return self.first(torch.relu(self.norm(inputs)))


def test_a_network_that_folding_would_change_is_left_alone():
    network = Crossed().eval()
    assert folded(network, torch.randn(2, 3, 4, 4)) is network
