"""Pictures of samples: what augmentation makes of them, and small copies for a report."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import one_hot
from torchvision.transforms.v2.functional import center_crop, resize
from torchvision.utils import make_grid

from graft.data.datamodule import DataModule
from graft.data.samples import as_is, seeded
from graft.data.table import Kind

_SIDE = 160  # pixels
_COLUMNS, _ROWS = 8, 4  # images side by side; the first row is as they are
_THUMBNAIL = 224  # pixels of the longer side
_QUALITY = 85


def is_image(sample: Any) -> bool:
    """Whether a canonical sample is an image: uint8 `(3, height, width)`."""
    return isinstance(sample, Tensor) and sample.ndim == 3 and sample.dtype == torch.uint8


def augmentation_preview(datamodule: DataModule) -> Image.Image | None:
    """Draws training images as they are, and below them as training may see them.

    Returns:
        None where nothing is augmented, or where samples are no images.
    """
    rows = datamodule.splits["train"][:_COLUMNS]
    images = [datamodule.table.load(int(row)) for row in rows]
    if not datamodule.varies or not all(map(is_image, images)):
        return None
    grid = [_square(image) for image in images]
    targets = torch.from_numpy(datamodule.table.targets[rows])
    shares = one_hot(targets, len(datamodule.classes)) if datamodule.kind is Kind.SINGLE_LABEL else targets
    for number in range(_ROWS - 1):
        with seeded(datamodule.seed, number):
            augment = datamodule.augment or as_is
            shown = torch.stack([_square(augment(image)) for image in images])
            for mix in datamodule.mix if len(shown) > 1 else ():
                shown = mix(shown, shares.float())[0]
        grid += list(shown)
    picture = make_grid(grid, nrow=len(images), padding=4, pad_value=1.0)
    return Image.fromarray((picture * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())


def save_png(picture: Image.Image, path: Path) -> None:
    """Writes a picture as PNG, whatever the name of the file."""
    picture.save(path, format="PNG")


def thumbnail(image: Tensor) -> bytes:
    """Returns a canonical image as a small JPEG."""
    small = Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _square(image: Tensor) -> Tensor:
    """A float image in [0, 1], the middle of it."""
    small: Tensor = center_crop(resize(image, [_SIDE], antialias=True), [_SIDE, _SIDE])
    return small.float() / 255
