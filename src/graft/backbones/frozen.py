"""A frozen network, run by a copy that computes the same faster: with and without kept features to the last bit."""

import copy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from graft.backbones.folding import folded

_CAST = (nn.Conv1d, nn.Conv2d, nn.Linear)  # exactly these: what derives from them may compute with its weights first


class Frozen:
    """Runs a network whose weights stand still; it notices when they do not.

    Its copy has BatchNorms folded into convolutions (on CPUs: on GPUs it gains little), and under autocast weights that
    are cast once instead of in each batch.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._copy: nn.Module | None = None
        self._made_of: tuple[Any, ...] = ()

    def __call__(self, inputs: Any) -> Tensor:
        """Returns the network's output, which no gradient reaches.

        Args:
            inputs: On the network's device; the network is in eval mode.
        """
        with torch.inference_mode():
            output: Tensor = self._ready(inputs)(inputs)
        return output.clone()  # else a head could not learn from it

    def _ready(self, inputs: Any) -> nn.Module:
        tensors = list(chain(self._network.parameters(), self._network.buffers()))
        device = tensors[0].device.type if tensors else "cpu"
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        made_of = (dtype, *((tensor.data_ptr(), tensor._version) for tensor in tensors))
        if self._copy is None or made_of != self._made_of:
            foldable = device == "cpu" and isinstance(inputs, Tensor)
            quick = folded(self._network, inputs[:2]) if foldable else self._network
            self._copy = quick if dtype is None else _cast(quick, dtype)
            self._made_of = made_of
        return self._copy


def _cast(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Returns a copy that holds what autocast would make of the weights in each batch."""
    copied = copy.deepcopy(network)
    for module in copied.modules():
        if type(module) in _CAST:
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
    return copied
