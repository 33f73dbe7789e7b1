"""Makes of an image file what the model of this folder takes in, as Graft does; needs Pillow and NumPy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps


def prepared(path: str | Path, steps: dict[str, Any]) -> NDArray[np.float32]:
    """Returns an input `(channels, height, width)`.

    Args:
        path: Of the image.
        steps: `preprocessing` of `preprocessing.json`.
    """
    with Image.open(path) as image:
        pixels = np.asarray(rgb(image))
    if steps["grey"]:
        red, green, blue = np.moveaxis(pixels.astype(np.float32), 2, 0)
        pixels = (0.2989 * red + 0.587 * green + 0.114 * blue).astype(np.uint8)[..., None]
    shorter, side = min(pixels.shape[:2]), steps["resize_shorter_side"]
    for axis in (1, 0):
        length = side * pixels.shape[axis] // shorter
        pixels = _resized(pixels.swapaxes(0, axis), length, steps["interpolation"]).swapaxes(0, axis)
    crop = steps["center_crop"]
    top, left = (round((length - crop) / 2) for length in pixels.shape[:2])
    scaled = pixels[top : top + crop, left : left + crop].astype(np.float32) * np.float32(steps["rescale"])
    normalised = (scaled - np.array(steps["mean"], np.float32)) / np.array(steps["std"], np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1))


def rgb(image: Image.Image) -> Image.Image:
    """Returns it upright, 16 bit scaled to 8 over the full range, and transparency laid on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        pixels = np.asarray(image).astype(np.int64)
        if pixels.min() < 0 or pixels.max() > 0xFFFF:
            raise ValueError("32-bit pixels have no fixed range; convert it to 8 or 16 bit")
        image = Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range; convert it to 8 or 16 bit")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def _resized(pixels: NDArray[np.uint8], length: int, interpolation: str) -> NDArray[np.uint8]:
    """Resizes the first axis with antialiasing, in the whole numbers that PyTorch reckons in, which Pillow rounds."""
    scale = len(pixels) / length
    if scale == 1:
        return pixels
    if interpolation == "nearest":
        places: NDArray[np.int64] = (np.arange(length, dtype=np.float32) * np.float32(scale)).astype(np.int64)
        return pixels.take(places, axis=0)
    reach, weight = _FILTERS[interpolation]
    stretched = max(scale, 1.0)
    windows = []
    for place in range(length):
        centre = scale * (place + 0.5)
        start, end = (int(centre + sign * reach * stretched + 0.5) for sign in (-1, 1))
        start, end = max(start, 0), min(end, len(pixels))
        weights = weight(np.abs((np.arange(start, end) - centre + 0.5) / stretched))
        windows.append((start, end, weights / weights.sum()))
    largest = max(weights.max() for _, _, weights in windows)
    bits = next(bits for bits in range(22) if int(0.5 + largest * 2 ** (bits + 1)) >= 2**15)
    rows = []
    for start, end, weights in windows:
        whole = np.trunc(weights * 2**bits + np.copysign(0.5, weights)).astype(np.int64)
        rows.append((np.tensordot(whole, pixels[start:end].astype(np.int64), 1) + 2 ** (bits - 1)) >> bits)
    resized: NDArray[np.uint8] = np.clip(np.stack(rows), 0, 255).astype(np.uint8)
    return resized


def _bilinear(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - distance, 0)


def _bicubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    near = (1.5 * distance - 2.5) * distance * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


_FILTERS: dict[str, tuple[float, Callable[[NDArray[np.float64]], NDArray[np.float64]]]] = {
    "bilinear": (1, _bilinear),
    "bicubic": (2, _bicubic),
}
