"""Where in a network the grid of an image's places is still to be seen."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from graft.backbones import Backbone
from graft.backbones.upper import outermost

_MOST_EXTRA = 16  # tokens that are no places: class tokens, registers


@dataclass(frozen=True)
class Layout:
    """How an activation holds a grid.

    Attributes:
        order: `channels_first`, `(batch, channels, rows, columns)`; `channels_last`, `(batch, rows, columns,
            channels)`; `tokens`, `(batch, extra + rows · columns, channels)`.
        rows: of the grid.
        columns: likewise.
        extra: tokens before those of the grid.
    """

    order: Literal["channels_first", "channels_last", "tokens"]
    rows: int
    columns: int
    extra: int = 0

    def grid(self, activation: Tensor) -> Tensor:
        """Returns `(batch, channels, rows, columns)`."""
        if self.order == "channels_last":
            return activation.permute(0, 3, 1, 2)
        if self.order == "tokens":
            places = activation[:, self.extra :].transpose(1, 2)
            return places.reshape(*places.shape[:2], self.rows, self.columns)
        return activation

    def put(self, grid: Tensor, activation: Tensor) -> Tensor:
        """Returns an activation with another grid."""
        if self.order == "channels_last":
            return grid.permute(0, 2, 3, 1)
        if self.order == "tokens":
            return torch.cat([activation[:, : self.extra], grid.flatten(2).transpose(1, 2)], dim=1)
        return grid


@dataclass(frozen=True)
class Place:
    """A module whose output holds a grid.

    Attributes:
        stage: Name of the stage that it ends.
        module: The one.
        layout: Of its output.
    """

    stage: str
    module: nn.Module
    layout: Layout


def places(backbone: Backbone, images: Tensor) -> list[Place]:
    """Returns what of each stage comes out last with a grid of more than one place; the last stage first.

    Only the outermost modules of a stage count: within them are attention maps and branches, which are not its outcome.

    Args:
        backbone: In eval mode.
        images: A batch of inputs, `(batch, channels, height, width)`.
    """
    stage_of = {module: stage.name for stage in backbone.stages for module in outermost(stage.modules)}
    found: dict[str, Place] = {}
    grids: set[tuple[int, int]] = set()

    def note(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        layout = layout_of(output.shape, images.shape[-2:], grids) if isinstance(output, Tensor) else None
        if layout is not None:
            grids.add((layout.rows, layout.columns))
            if module in stage_of:
                found[stage_of[module]] = Place(stage_of[module], module, layout)

    hooks = [module.register_forward_hook(note) for module in backbone.modules()]
    try:
        with torch.no_grad():
            backbone(images)
    finally:
        for hook in hooks:
            hook.remove()
    return [found[stage.name] for stage in reversed(backbone.stages) if stage.name in found]


def layout_of(shape: tuple[int, ...], image: tuple[int, ...], grids: Iterable[tuple[int, int]]) -> Layout | None:
    """Returns how an activation of a shape holds a grid; None: it does not.

    Args:
        shape: Of the activation, the batch first.
        image: Height and width; a grid has their proportions.
        grids: Rows and columns that were seen before, by which class tokens and the like are told.
    """
    if len(shape) == 4 and _like(*shape[2:], *image):
        return Layout("channels_first", shape[2], shape[3])
    if len(shape) == 4 and _like(*shape[1:3], *image):
        return Layout("channels_last", shape[1], shape[2])
    if len(shape) == 3:
        fitting = [(rows, columns) for rows, columns in grids if 0 <= shape[1] - rows * columns <= _MOST_EXTRA]
        rows = round(math.sqrt(shape[1] * image[0] / image[1])) or 1  # of a grid that was never seen, without extra
        columns = shape[1] // rows
        if not fitting and rows * columns == shape[1] and _like(rows, columns, *image):
            fitting = [(rows, columns)]
        if fitting:
            rows, columns = max(fitting, key=lambda grid: grid[0] * grid[1])
            return Layout("tokens", rows, columns, shape[1] - rows * columns)
    return None


def _like(rows: int, columns: int, height: int, width: int) -> bool:
    """Whether a grid has more than one place and the proportions of an image, up to rounding."""
    return rows * columns > 1 and rows <= height and abs(rows * width - columns * height) < max(height, width)
