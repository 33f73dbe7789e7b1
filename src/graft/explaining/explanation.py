"""One sample and what explains it, as plain values, for pages, pictures and terminals."""

from dataclasses import dataclass

from PIL import Image

from graft.explaining.words import Attribution


@dataclass(frozen=True)
class Said:
    """What the model says of a sample.

    Attributes:
        id: of the sample.
        output: name of the class, label or value that is explained.
        value: its probability, or the value.
        is_value: whether it is the latter.
        likeliest: name of the class that is predicted, where another one is explained, with its probability.
    """

    id: str
    output: str
    value: float
    is_value: bool
    likeliest: tuple[str, float] | None = None


@dataclass(frozen=True)
class ExplainedImage:
    """An image.

    Attributes:
        said: of it.
        plain: what the network sees.
        overlaid: the same with its heat map over it.
        nothing: whether no place speaks for the output.
    """

    said: Said
    plain: Image.Image
    overlaid: Image.Image
    nothing: bool


@dataclass(frozen=True)
class Piece:
    """A stretch of a text.

    Attributes:
        text: as it stands there.
        value: what it does to the score; None: nothing was asked of it, as of a space.
        strength: that over the largest one of its text, -1 … 1.
    """

    text: str
    value: float | None
    strength: float


@dataclass(frozen=True)
class ExplainedText:
    """A text.

    Attributes:
        said: of it.
        pieces: all of the text that the network saw.
        cut: the rest of it.
        total: sum of all attributions.
        difference: of the scores, which the sum should be.
    """

    said: Said
    pieces: list[Piece]
    cut: str
    total: float
    difference: float

    @property
    def is_rough(self) -> bool:
        """Whether the attributions miss what they should add up to by more than a twentieth."""
        return abs(self.total - self.difference) > 0.05 * abs(self.difference)

    @property
    def strongest(self) -> list[Piece]:
        """The pieces that do something, by how much."""
        asked = [piece for piece in self.pieces if piece.value]
        return sorted(asked, key=lambda piece: -abs(piece.strength))


def explained_text(said: Said, text: str, attribution: Attribution) -> ExplainedText:
    """Cuts a text where its tokens begin and end.

    Args:
        said: of it.
        text: all of it.
        attribution: of its tokens.
    """
    largest = max((abs(value) for value in attribution.values), default=0.0) or 1.0
    pieces: list[Piece] = []
    place = 0
    for (start, end), value in zip(attribution.spans, attribution.values, strict=True):
        if start > place:
            pieces.append(Piece(text[place:start], None, 0.0))
        pieces.append(Piece(text[max(start, place) : end], value, value / largest))
        place = max(place, end)
    if not attribution.is_cut and place < len(text):
        pieces.append(Piece(text[place:], None, 0.0))
    cut = text[place:] if attribution.is_cut else ""
    return ExplainedText(said, pieces, cut, sum(attribution.values), attribution.difference)
