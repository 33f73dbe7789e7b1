"""Explained texts in a terminal."""

from rich.text import Text

from graft.explaining.explanation import ExplainedText, Piece
from graft.explaining.wording import aside, strongest, told

_FOR, _AGAINST = (0, 114, 178), (213, 94, 0)  # of the palette of figures, which those who see fewer colours tell apart
_LEAST = 0.05  # strength; below, a piece has no colour


def in_colours(text: ExplainedText) -> Text:
    """Returns what is said of a text, the text in colours, and the words that count most; reads without colours too."""
    said = Text(told(text.said), style="bold")
    said.append(f"  {aside(text.said)}  " if text.said.likeliest else "  ", style="not bold")
    said.append(f"{text.said.id}\n", style="dim not bold")
    for piece in text.pieces:
        said.append(piece.text, style=_style(piece))
    said.append("…" if text.cut else "", style="dim not bold")
    return said.append(f"\n{strongest(text)}\n", style="dim not bold")


def _style(piece: Piece) -> str:
    if abs(piece.strength) < _LEAST:
        return "not bold"
    red, green, blue = (round(255 - (255 - part) * abs(piece.strength)) for part in _colour(piece))
    return f"not bold {'underline ' if piece.strength < 0 else ''}black on rgb({red},{green},{blue})"


def _colour(piece: Piece) -> tuple[int, int, int]:
    return _FOR if piece.strength > 0 else _AGAINST
