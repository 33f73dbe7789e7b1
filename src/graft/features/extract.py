"""A frozen backbone that computes features."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import DataLoader

from graft.backbones import Backbone
from graft.backbones.evaluating import evaluating
from graft.backbones.frozen import Frozen

Precision = Callable[[], AbstractContextManager[Any]]
"""Makes the context of each batch, such as autocast."""


@contextmanager
def extracting(
    backbone: Backbone, device: torch.device, precision: Precision, stage: str | None = None
) -> Iterator[Callable[[DataLoader[Any]], Iterator[tuple[Tensor, Tensor]]]]:
    """Has a backbone ready to compute features; afterwards it is as it was.

    Args:
        backbone: Moved to the device and back; in eval mode meanwhile.
        device: Where to compute.
        precision: Of each batch.
        stage: Behind which; None: the last.

    Yields:
        What turns the batches of a loader into their `index` and their features, float32 `(batch, num_features)`, or
        the activations behind the stage, `(batch, …)` as they are; both on the CPU.
    """
    frozen = Frozen(backbone.to(device))

    @torch.inference_mode()
    def compute(inputs: Any) -> Tensor:
        inputs = move_data_to_device(inputs, device)
        with precision():
            if stage is not None:
                return backbone.forward_to(stage, inputs).cpu()
            return frozen(inputs).float().cpu()

    try:
        with evaluating(backbone):
            yield lambda loader: ((batch["index"], compute(batch["inputs"])) for batch in loader)
    finally:
        backbone.cpu()


def extract(backbone: Backbone, loader: DataLoader[Any], device: torch.device, precision: Precision) -> Tensor:
    """Returns the features of all samples of a loader, `(samples, num_features)`, by ascending `index`."""
    with extracting(backbone, device, precision) as compute:
        index, features = zip(*compute(loader), strict=True)
    return torch.cat(features)[torch.cat(index).argsort()]
