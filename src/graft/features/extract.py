"""One pass of a frozen backbone over a split."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from lightning_fabric.utilities import move_data_to_device
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader

from graft.backbones import Backbone
from graft.backbones.folding import folded


@torch.inference_mode()
def extract(
    backbone: Backbone,
    loaders: dict[str, DataLoader[Any]],
    device: torch.device,
    precision: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Tensor]:
    """Computes the features of each split.

    Args:
        backbone: Moved to the device and back; in eval mode meanwhile.
        loaders: By split; without augmentation, in any order of their samples.
        device: Where to compute.
        precision: Makes the context of each batch, such as autocast.

    Returns:
        By split, float32 `(samples, num_features)` on the CPU, by ascending `index`.
    """
    modes = {module: module.training for module in backbone.modules()}
    network: nn.Module = backbone.eval().to(device)
    features = {}
    fold = device.type == "cpu"  # on GPUs the folding gains little
    for split, loader in loaders.items():
        parts, index = [], []
        for batch in track(loader, description=f"features of {split}", transient=True):
            inputs = move_data_to_device(batch["inputs"], device)
            if fold:
                network, fold = folded(backbone, inputs), False
            with precision():
                parts.append(network(inputs).float().cpu())
            index.append(batch["index"])
        features[split] = torch.cat(parts)[torch.cat(index).argsort()]
    for module, training in modes.items():
        module.training = training
    backbone.cpu()
    return features
