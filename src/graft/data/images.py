"""Image files to canonical images: uint8 tensors (3, H, W), RGB, whatever the file holds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from graft.errors import GraftError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm"}
)  # in lower case


@dataclass(frozen=True)
class ImageFiles:
    """Loads the image of a row.

    Attributes:
        root: the folder that the paths start from.
        paths: one per row, relative to the root.
    """

    root: Path
    paths: list[str]

    def __call__(self, row: int) -> Tensor:
        """Returns the canonical image, uint8 (3, H, W)."""
        return decode(self.root / self.paths[row])


def decode(path: Path) -> Tensor:
    """Reads an image file as uint8 (3, H, W), RGB, upright.

    Grey becomes three equal channels, 16-bit grey is scaled to 8 bit over its full range (not stretched
    to what the image uses), transparency is laid on white, of an animation the first picture is taken.

    Raises:
        GraftError: the file is no image, is truncated, or has pixels without a fixed range.
    """
    try:
        image = _rgb(path)
    except Exception as error:
        raise GraftError(f"{path}: {_reason(path, error)}.") from error
    # By NumPy: torch would start threads for this small copy, which on busy cores takes several times as long.
    return torch.from_numpy(np.ascontiguousarray(np.array(image).transpose(2, 0, 1)))


def problem(path: Path) -> str | None:
    """Decodes the file fully and says what is wrong with it; None when nothing is."""
    try:
        _rgb(path)
    except Exception as error:
        return _reason(path, error)
    return None


def _rgb(path: Path) -> Image.Image:
    with Image.open(path) as image:
        upright: Image.Image = ImageOps.exif_transpose(image)
    if upright.mode == "I" or upright.mode.startswith("I;16"):
        upright = _eight_bit(upright)
    if upright.mode == "F":
        raise ValueError("floating-point pixels have no fixed range; convert it to 8 or 16 bit")
    if upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    return upright.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(np.int64)  # mode I: Pillow's 32-bit integers, from 16-bit files too
    if pixels.min() < 0 or pixels.max() > 0xFFFF:
        raise ValueError("32-bit pixels have no fixed range; convert it to 8 or 16 bit")
    return Image.fromarray(((pixels + 128) // 257).astype(np.uint8))


def _reason(path: Path, error: Exception) -> str:
    """Pillow's plug-ins raise a dozen kinds of exceptions (OSError, SyntaxError, struct.error …)."""
    if not path.is_file():
        return "no such file"
    if path.stat().st_size == 0:
        return "the file is empty (0 bytes)"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or one cut off in its header"
    return str(error) or type(error).__name__
