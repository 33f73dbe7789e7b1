"""Pictures of heat maps: an image, and beside it the same with the map laid over it."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

_LEAST = 320  # pixels of a panel's longer side; smaller images are enlarged
_GAP = 8  # pixels between the panels
_QUALITY = 85  # of JPEG files
_OPAQUE = 0.75  # of the map where it is hottest; where it is cold, it is transparent
_FONT = Path("fonts", "ttf", "DejaVuSans.ttf")
_SIZE = 15  # of the letters, in pixels
_PAPER, _INK = "#ffffff", "#1a1a1a"


def plain(image: Tensor) -> Image.Image:
    """Returns a picture, enlarged where it is small, of an image, uint8 `(channels, height, width)`, grey or RGB."""
    pixels = image.expand(3, *image.shape[1:]).permute(1, 2, 0).cpu().numpy()
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    scale = max(1.0, _LEAST / max(picture.size))
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)


def overlaid(picture: Image.Image, heat: Tensor) -> Image.Image:
    """Returns the picture in grey with a map over it, from dark over red to yellow.

    Args:
        picture: RGB.
        heat: 0 and more, `(rows, columns)`; its largest value is the hottest colour.
    """
    heat = heat.float() / heat.max().clamp_min(torch.finfo(torch.float32).tiny)
    size = (picture.height, picture.width)
    spread = interpolate(heat[None, None], size, mode="bicubic", align_corners=False)[0, 0].clamp(0, 1).cpu().numpy()
    colours = matplotlib.colormaps["inferno"](spread)[..., :3] * 255
    grey = np.asarray(picture.convert("L").convert("RGB"), dtype=np.float64)
    opaque = _OPAQUE * spread[..., None]
    return Image.fromarray((opaque * colours + (1 - opaque) * grey).round().astype(np.uint8))


def jpeg(picture: Image.Image) -> bytes:
    """Returns the picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()


def beside(left: Image.Image, right: Image.Image, lines: list[str]) -> Image.Image:
    """Returns two pictures of one size, and below them lines of text, each cut to the width."""
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / _FONT), _SIZE)
    height, below = round(1.45 * _SIZE), left.height + _GAP // 2
    whole = Image.new("RGB", (2 * left.width + _GAP, below + height * len(lines) + _GAP // 2), _PAPER)
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width + _GAP, 0))
    draw = ImageDraw.Draw(whole)
    for number, line in enumerate(lines):
        draw.text((_GAP // 2, below + height * number), _fitting(line, font, whole.width), _INK, font)
    return whole


def _fitting(line: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(line) <= width - _GAP:
        return line
    while line and font.getlength(f"{line}…") > width - _GAP:
        line = line[:-1]
    return f"{line}…"
