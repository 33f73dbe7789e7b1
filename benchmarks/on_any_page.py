"""Saves pictures of the documentation so that they can be read on light pages and on dark ones."""

import io
from pathlib import Path

INK = "#707070"  # on white and on the site's dark ground alike, for browsers that do not tell a picture where it is
ON_DARK = {INK: "#c9ccd2", "#0072b2": "#3d9bd8"}  # colours that are too dark there
FAINT = {"color": "#808080", "alpha": 0.3}  # lines behind others

_STYLE = " ".join(
    f'[style*="{what}: {colour}"] {{ {what}: {lighter} !important }}'
    for colour, lighter in ON_DARK.items()
    for what in ("fill", "stroke")
)


def save(figure, path: Path):
    """Writes a figure as SVG without a ground; what matplotlib leaves black has the colour of the page's text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    path.write_text(on_any_page(buffer.getvalue()), encoding="utf-8")


def on_any_page(svg: str) -> str:
    """Returns a picture of matplotlib's, which is drawn on white, for any ground."""
    svg = svg.replace("fill: #ffffff", "fill: none").replace("#000000", INK)
    svg = svg.replace("<svg ", f'<svg style="fill: {INK}" ', 1)  # text has no colour of its own
    return svg.replace("</style>", f"@media (prefers-color-scheme: dark) {{ {_STYLE} }}</style>", 1)
