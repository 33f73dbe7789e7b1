"""Pictures of heat maps: an image, and beside it the same with the map laid over it."""

from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

_LEAST = 320  # pixels of a panel's longer side; smaller images are enlarged
_GAP = 8  # pixels between the panels
_OPAQUE = 0.75  # of the map where it is hottest; where it is cold, it is transparent
_FONT = Path("fonts", "ttf", "DejaVuSans.ttf")
_SIZE = 15  # of the letters, in pixels
_PAPER, _INK = "#ffffff", "#1a1a1a"


def panels(image: Tensor, heat: Tensor) -> Image.Image:
    """Returns the image, and to its right the image in grey with the map, from dark over red to yellow.

    Args:
        image: uint8 `(channels, height, width)`, one channel or three.
        heat: 0 … `(rows, columns)`; its largest value is the hottest colour.
    """
    pixels = image.expand(3, *image.shape[1:]).permute(1, 2, 0).cpu().numpy()
    plain = Image.fromarray(np.ascontiguousarray(pixels))
    scale = max(1.0, _LEAST / max(plain.size))
    plain = plain.resize((round(plain.width * scale), round(plain.height * scale)), Image.Resampling.BICUBIC)
    both = Image.new("RGB", (2 * plain.width + _GAP, plain.height), _PAPER)
    both.paste(plain, (0, 0))
    both.paste(_overlaid(plain, heat), (plain.width + _GAP, 0))
    return both


def captioned(picture: Image.Image, lines: list[str]) -> Image.Image:
    """Returns a picture with lines of text below it, each cut to its width."""
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / _FONT), _SIZE)
    height = round(1.45 * _SIZE)
    whole = Image.new("RGB", (picture.width, picture.height + height * len(lines) + _GAP), _PAPER)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    for number, line in enumerate(lines):
        draw.text(
            (_GAP // 2, picture.height + _GAP // 2 + height * number), _fitting(line, font, whole.width), _INK, font
        )
    return whole


def _overlaid(plain: Image.Image, heat: Tensor) -> Image.Image:
    heat = heat / heat.max().clamp_min(torch.finfo(heat.dtype).tiny)
    size = (plain.height, plain.width)
    spread = interpolate(heat[None, None].float(), size, mode="bilinear", align_corners=False)[0, 0].cpu().numpy()
    colours = matplotlib.colormaps["inferno"](spread)[..., :3] * 255
    grey = np.asarray(plain.convert("L").convert("RGB"), dtype=np.float64)
    opaque = _OPAQUE * spread[..., None]
    return Image.fromarray((opaque * colours + (1 - opaque) * grey).round().astype(np.uint8))


def _fitting(line: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(line) <= width - _GAP:
        return line
    while line and font.getlength(f"{line}…") > width - _GAP:
        line = line[:-1]
    return f"{line}…"
