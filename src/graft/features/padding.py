"""Images of many sizes in one part: each in a row of bytes as long as the largest needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def padded(images: Sequence[Tensor]) -> Tensor:
    """Returns uint8 images `(3, height, width)`, each of its own size, as `(images, bytes)`."""
    rows = torch.zeros(len(images), max(image.numel() for image in images), dtype=torch.uint8)
    for row, image in zip(rows, images, strict=True):
        row[: image.numel()] = image.reshape(-1)
    return rows


@dataclass(frozen=True)
class Unpadded:
    """Loads images from such rows; picklable where what loads the rows is.

    Attributes:
        load: Takes a position and returns the row, which is not to be written to.
        sizes: `(images, 2)`, width and height of each.
    """

    load: Callable[[int], Tensor]
    sizes: NDArray[np.int64]

    def __call__(self, position: int) -> Tensor:
        """Returns the image at a position, uint8 `(3, height, width)`, a copy: augmentation may write to it."""
        width, height = self.sizes[position].tolist()
        row = self.load(position)[: 3 * height * width]
        return torch.from_numpy(row.numpy().reshape(3, height, width).copy())  # by torch it would start threads
