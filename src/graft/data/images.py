"""Image files to canonical images: uint8 tensors (3, H, W), RGB, whatever the file holds."""

import hashlib
import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypedDict

import imagehash
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from graft.errors import GraftError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm"}
)  # in lower case

_CONVERTIBLE = (".heic", ".heif")  # of telephones; Pillow reads none of them

# What Pillow warns of is refused here; at import, so that the processes of a loader are silent too.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


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

    def encoded(self, row: int) -> bytes:
        """Returns the image's file as it is."""
        return (self.root / self.paths[row]).read_bytes()


class ImageColumns(TypedDict):
    """What a table has of images beside the images, see `graft.data.table.Table`."""

    sizes: NDArray[np.int64]
    digests: NDArray[np.uint64]
    looks: NDArray[np.uint64]


def conversion(suffixes: Iterable[str]) -> str:
    """Returns what to do about files that are images, though none that can be read; else nothing.

    Args:
        suffixes: of files, in any case.
    """
    there = {suffix.lower() for suffix in suffixes}
    found = [suffix for suffix in _CONVERTIBLE if suffix in there]
    return f"; convert {' and '.join(found)} to .jpg" if found else ""


def columns(facts: Sequence[Sequence[Any]]) -> ImageColumns:
    """Makes columns of what `examine` found, in the order of the rows."""
    found = [ImageFacts(*each) for each in facts]  # remembered ones are lists
    return {
        "sizes": np.array([(each.width, each.height) for each in found], dtype=np.int64).reshape(-1, 2),
        "digests": np.array([int(each.digest, 16) for each in found], dtype=np.uint64),
        "looks": np.array([int(each.look, 16) for each in found], dtype=np.uint64),
    }


def decode(path: Path) -> Tensor:
    """Reads an image file as uint8 (3, H, W), RGB, upright.

    Grey becomes three equal channels, 16-bit grey is scaled to 8 bit over its full range (not stretched
    to what the image uses), transparency is laid on white, of an animation the first picture is taken.

    Raises:
        GraftError: the file is no image, is truncated, or has pixels without a fixed range.
    """
    try:
        return canonical(_read(path))
    except Exception as error:
        raise GraftError(f"{path}: {_reason(path, error)}.") from error


def decode_bytes(content: bytes) -> Tensor:
    """Reads what an image file holds; see `decode`.

    Raises:
        ValueError: it is no image, is truncated, or has pixels without a fixed range.
    """
    try:
        return canonical(_read(io.BytesIO(content)))
    except Exception as error:  # see `_reason`
        raise ValueError(str(error) or type(error).__name__) from error


def as_png(image: Tensor) -> bytes:
    """Returns a canonical image as PNG, of which `decode_bytes` makes the same image."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy())).save(buffer, format="PNG")
    return buffer.getvalue()


def canonical(image: Image.Image) -> Tensor:
    """Returns any picture of Pillow's as uint8 (3, H, W); see `decode`.

    Raises:
        ValueError: it has pixels without a fixed range.
    """
    # By NumPy: torch would start threads for this small copy, which on busy cores takes several times as long.
    return torch.from_numpy(np.ascontiguousarray(np.array(_rgb(image)).transpose(2, 0, 1)))


class ImageFacts(NamedTuple):
    """What is remembered of an image.

    Attributes:
        width: in pixels, upright.
        height: likewise.
        digest: of the file's bytes, 16 hexadecimal digits; equal for copies.
        look: perceptual hash, 16 hexadecimal digits; few bits differ between images that look alike.
    """

    width: int
    height: int
    digest: str
    look: str


def examine(path: Path) -> ImageFacts | str:
    """Decodes the file fully and says what it holds, or in a sentence what is wrong with it."""
    try:
        image = _rgb(_read(path))
        digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
    except Exception as error:
        return _reason(path, error)
    return ImageFacts(*image.size, digest, str(imagehash.phash(image)))


def _read(source: Path | BinaryIO) -> Image.Image:
    with Image.open(source) as image:
        _check_size(*image.size)
        image.load()
        return image


def _check_size(width: int, height: int) -> None:
    """Refuses what Pillow only warns of: a few kilobytes may unpack to gigabytes."""
    if (most := Image.MAX_IMAGE_PIXELS) is not None and width * height > most:
        raise ValueError(f"{width:,} x {height:,} pixels are more than the {most:,} that are read; make it smaller")


def _rgb(image: Image.Image) -> Image.Image:
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
    if isinstance(error, UnidentifiedImageError) and (hint := conversion([path.suffix])):
        return f"not an image that is read{hint}"
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or one cut off in its header"
    if isinstance(error, Image.DecompressionBombError):  # raised before it could be asked for its sides
        return f"{str(error).partition(',')[0]}; make it smaller"
    return str(error) or type(error).__name__
