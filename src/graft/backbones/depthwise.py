"""Depthwise convolutions that learn in bf16 on a CPU: done in float32, which is faster there."""

from itertools import chain

import torch
from torch import Tensor, nn


class InFloat32(nn.Module):
    """Comes before a convolution's own class: computes in float32 under a CPU's autocast, where a gradient is to come.

    PyTorch has no fast backward pass in bf16 of a convolution whose every channel has a filter of its own. Without a
    gradient, and in other precisions or on other devices, nothing is changed.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Returns what the convolution does, in autocast's own type."""
        learns = torch.is_grad_enabled() and any(
            tensor.requires_grad for tensor in chain((inputs,), self.parameters(recurse=False))
        )
        if not learns or inputs.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            unchanged: Tensor = super().forward(inputs)
            return unchanged
        with torch.autocast("cpu", enabled=False):
            outputs: Tensor = super().forward(inputs.float())
        return outputs.to(torch.get_autocast_dtype("cpu"))


def learn_depthwise_in_float32(network: nn.Module) -> None:
    """Has the depthwise convolutions of a network compute so; names, weights and what is printed stay."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            own = type(module)
            if not issubclass(own, InFloat32):
                module.__class__ = type(own.__name__, (InFloat32, own), {"__module__": own.__module__})
