"""What all pictures of a report share: their colours, their axes, and how they become files."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from graft.runs.atomic import replacing

INK = "#010203"  # stands for the colour of the page's text
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: for all eyes
RING: dict[str, Any] = {"marker": "o", "markersize": 10, "markerfacecolor": "none", "linestyle": ""}
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


def axes_of_its_own() -> tuple[Figure, Axes]:
    """Returns a picture of the size that all have, with its axes."""
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


def save_png(figure: Figure, path: Path) -> None:
    """Writes a picture as a file of its own, on white."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, facecolor="white")
