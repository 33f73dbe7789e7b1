"""Weights in 8 bits by torchao, and what that costs and gains, measured."""

import copy
import statistics
import time
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from graft.errors import GraftError
from graft.exporting.checking import Runner
from graft.exporting.network import Network

_REPEATS = 15
_PLAIN = ("Conv2d", "Conv2dSame")  # others change their weights on the way


def quantized(network: Network) -> Network:
    """Returns a copy whose linear layers hold int8 weights, a scale for each row.

    Weights alone are quantised (torchao's `Int8WeightOnlyConfig`, version 2): its other int8 configurations quantise
    activations too, which outside of compiled code, and a program holds none, is slow on most CPUs. Convolutions of
    1 x 1, most of the weights of modern ones, are linear layers too, and made such; torchao has no int8 for others.

    Raises:
        GraftError: The extra is not installed, or the network has no such layer.
    """
    try:
        from torchao.quantization import Int8WeightOnlyConfig, quantize_, swap_conv2d_1x1_to_linear
        from torchao.utils import unwrap_tensor_subclass
    except ImportError as error:
        raise GraftError("quantize=int8 needs the extra `quantize`: pip install 'graft[quantize]'") from error
    small = copy.deepcopy(network)
    swap_conv2d_1x1_to_linear(small.backbone, _is_linear_in_disguise)
    if not any(isinstance(module, nn.Linear) for module in small.modules()):
        raise GraftError("quantize=int8: the network has no linear layer that torchao could quantise.")
    quantize_(small, Int8WeightOnlyConfig(set_inductor_config=False))
    unwrap_tensor_subclass(small)  # into plain tensors; else the program could be read with torchao only
    return small


def _is_linear_in_disguise(module: nn.Module, *_: Any) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and type(module).__name__ in _PLAIN
        and (module.kernel_size, module.stride, module.groups) == ((1, 1), (1, 1), 1)
    )


def seconds_of_both(first: Runner, second: Runner, batch: dict[str, Tensor]) -> tuple[float, float]:
    """Returns the median seconds of two networks on a batch, timed in turn, so that both see the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_REPEATS):
        for run, seconds in zip((first, second), times, strict=True):
            seconds.append(_seconds(run, batch))
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


def _seconds(run: Runner, batch: dict[str, Tensor]) -> float:
    start = time.perf_counter()
    run(batch)
    return time.perf_counter() - start


def speed(first: Runner, second: Runner, batches: Sequence[dict[str, Tensor]]) -> dict[str, float]:
    """Returns how many times as fast the second network is, by the size of the batch."""
    ratios = {}
    for batch in batches:
        slow, quick = seconds_of_both(first, second, batch)
        ratios[str(len(next(iter(batch.values()))))] = slow / quick
    return ratios
