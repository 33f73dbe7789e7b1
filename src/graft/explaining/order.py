"""Whether tokens stand in the order of the image's places: a few networks sort them otherwise."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from graft.backbones import Backbone
from graft.explaining.grids import Layout

_IMAGES = 4  # to look at
_QUARTERS = range(4)


def in_order(backbone: Backbone, images: Tensor, asked: Sequence[tuple[nn.Module, Layout]]) -> list[bool]:
    """Returns of each grid whether, of its quarters, that one changes most where noise was put into the image.

    Args:
        backbone: In eval mode.
        images: Inputs `(batch, channels, height, width)`.
        asked: Modules, and how their outputs hold a grid.
    """
    images = images[:_IMAGES]
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0)).to(images)
    before = _grids(backbone, images, asked)
    kept = [True for _ in asked]
    for number in _QUARTERS:
        noisy = images.clone()
        _quarter(noisy, number).add_(_quarter(noise, number))
        for place, grid in enumerate(_grids(backbone, noisy, asked)):
            changes = (grid - before[place]).abs().mean(dim=(0, 1))
            means = torch.stack([_quarter(changes, each).mean() for each in _QUARTERS])
            kept[place] &= int(means.argmax()) == number or not means.any()  # a network may be blind there
    return kept


def _grids(backbone: Backbone, images: Tensor, asked: Sequence[tuple[nn.Module, Layout]]) -> list[Tensor]:
    found: dict[int, Tensor] = {}

    def noting(place: int, layout: Layout) -> Any:
        return lambda module, given, output: found.__setitem__(place, layout.grid(output).clone())

    hooks = [module.register_forward_hook(noting(place, layout)) for place, (module, layout) in enumerate(asked)]
    try:
        with torch.no_grad():
            backbone(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [found[place] for place in range(len(asked))]


def _quarter(grid: Tensor, number: int) -> Tensor:
    """A corner of `(…, rows, columns)`, less than half of each where they are odd."""
    rows, columns = (max(1, side // 2) for side in grid.shape[-2:])
    grid = grid[..., -rows:, :] if number // 2 else grid[..., :rows, :]
    return grid[..., -columns:] if number % 2 else grid[..., :columns]
