import copy
from contextlib import nullcontext

import pytest
import timm
import torch
from torch import nn

from graft.backbones.depthwise import learn_depthwise_in_float32


def bf16():
    return torch.autocast("cpu", torch.bfloat16)


@pytest.fixture
def pair():
    """A depthwise convolution, and the same one that learns in float32."""
    plain = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    changed = copy.deepcopy(plain)
    learn_depthwise_in_float32(changed)
    return plain, changed


def gradients(conv, inputs, precision):
    conv.zero_grad()
    with precision:
        outputs = conv(inputs)
    outputs.float().sin().sum().backward()
    return outputs.detach(), conv.weight.grad.clone()


def test_it_learns_as_in_float32_and_gives_what_autocast_gives(pair):
    plain, changed = pair
    inputs = torch.randn(4, 8, 16, 16).bfloat16().float()
    outputs, gradient = gradients(changed, inputs, bf16())
    assert outputs.dtype == torch.bfloat16
    assert torch.equal(outputs, plain(inputs).bfloat16())
    exact, rounded = gradients(plain, inputs, nullcontext())[1], gradients(plain, inputs, bf16())[1]
    assert (gradient - exact).abs().max() < (rounded - exact).abs().max()


@pytest.mark.parametrize("frozen", [True, False])
def test_without_a_gradient_nothing_is_changed(pair, frozen):
    inputs = torch.randn(4, 8, 16, 16)
    with nullcontext() if frozen else torch.no_grad(), bf16():
        plain, changed = (conv.requires_grad_(not frozen)(inputs) for conv in pair)
    assert torch.equal(plain, changed)


def test_networks_are_the_same_but_for_that():
    network = timm.create_model("test_efficientnet", num_classes=0)
    changed = copy.deepcopy(network)
    learn_depthwise_in_float32(changed)
    learn_depthwise_in_float32(changed)
    assert str(changed) == str(network)
    assert list(changed.state_dict()) == list(network.state_dict())
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        copied = copy.deepcopy(changed)
        for parameter in changed.parameters():
            parameter.zero_()
        assert torch.equal(copied.eval()(inputs), network.eval()(inputs))
