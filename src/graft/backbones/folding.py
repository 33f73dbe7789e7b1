"""Folding batch normalisation into convolutions: the same features, about half the time on a CPU."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_TOLERANCE = 1e-3  # of the largest feature: far above rounding, far below a wrongly paired layer


@torch.no_grad()
def folded(network: nn.Module, example: Tensor) -> nn.Module:
    """Returns an inference copy with each BatchNorm2d folded into the convolution registered just before it.

    Order of registration is not always order of execution, so the copy's output on `example` is compared with the
    network's own; where they differ by more than rounding, the network itself is returned.

    Args:
        network: In eval mode; unchanged.
        example: A few of its inputs.
    """
    if not any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        return network
    copied = copy.deepcopy(network)
    _fold(copied)
    with torch.autocast(example.device.type, enabled=False):  # its rounding is coarser than what is looked for
        wanted, got = network(example), copied(example)
    close = bool((wanted - got).abs().max() <= _TOLERANCE * wanted.abs().max())
    return copied if close else network


def _fold(module: nn.Module) -> None:
    previous: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if previous and isinstance(child, nn.BatchNorm2d) and child.num_features == previous[1].out_channels:
            setattr(module, previous[0], fuse_conv_bn_eval(previous[1], child))
            setattr(module, name, _rest(child))
        else:
            _fold(child)
        previous = (name, child) if isinstance(child, nn.Conv2d) else None


def _rest(norm: nn.BatchNorm2d) -> nn.Module:
    """What else a norm does: timm's BatchNormAct2d has the activation inside."""
    activation = getattr(norm, "act", None)
    return activation if isinstance(activation, nn.Module) else nn.Identity()
