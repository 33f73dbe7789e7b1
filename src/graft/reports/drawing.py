"""How pictures are drawn: by matplotlib, without a window, in the colours of the page that they lie in."""

import html
import io
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from graft.runs.atomic import replacing

INK = "#010203"  # stands for the colour of the page's text
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: for all eyes
RING: dict[str, Any] = {"marker": "o", "markersize": 10, "markerfacecolor": "none", "linestyle": ""}
_POINTS = 600  # of a curve; more are not seen and make the page heavy
_ROW = 0.21  # inches that a line of a legend takes
_DPI = 150


@contextmanager
def style() -> Iterator[None]:
    """Sets what all pictures share."""
    keys = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    own: Any = {
        **dict.fromkeys(keys, INK),
        "svg.fonttype": "none",  # text stays text: it is found, copied and read out
        "svg.hashsalt": "graft",
        "text.parse_math": False,  # a dollar in the name of a class is a dollar
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=PALETTE),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "axes.formatter.limits": (-3, 5),  # longer numbers run into each other
        "legend.frameon": False,
        "lines.linewidth": 1.8,
    }
    with mpl.rc_context(own):
        yield


def as_svg(figure: Figure, title: str) -> str:
    """Returns a picture as an SVG element; its ink is the text colour of the page around.

    Args:
        figure: The picture.
        title: What it shows, for those who do not see it; no two pictures of a page have the same.
    """
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Pictures on one page must not share names of their parts.
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>p{zlib.crc32(title.encode()):08x}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(title)}" ', 1)


def new_axes() -> tuple[Figure, Axes]:
    """Returns a picture that a phone can show, and its one pair of axes."""
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    return figure, figure.subplots()


def legend_below(figure: Figure, axes: Axes, columns: int = 1) -> None:
    """Below the axes names lie on no curve, however long they are."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        figure.set_figheight(figure.get_figheight() + _ROW * math.ceil(len(handles) / columns))
        figure.legend(
            handles, names, loc="outside lower center", alignment="left", ncols=columns, fontsize=9, labelspacing=0.3
        )


def thinned(values: NDArray[np.float64], points: int = _POINTS) -> NDArray[np.float64]:
    """Returns no more than so many of the values of a curve, evenly spaced; the first and the last are among them."""
    if len(values) <= points:
        return values
    kept: NDArray[np.float64] = values[np.linspace(0, len(values) - 1, points).astype(int)]
    return kept


def save_png(figure: Figure, path: Path) -> None:
    """Writes a picture as a file of its own, on white."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, facecolor="white")
