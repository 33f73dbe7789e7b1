"""How explanations are told in words, alike on pages, below pictures and in the terminal."""

from graft.explaining.explanation import ExplainedText, Said
from graft.reports.wording import number, percent

_NAMED = 3  # words for, and as many against


def told(said: Said) -> str:
    """What is explained, and what it comes to."""
    if said.is_value:
        return f"{said.output}: {number(said.value)}"
    return f"{said.output}, {percent(said.value)}"


def aside(said: Said) -> str:
    """What is predicted, where that is not what is explained."""
    if said.likeliest is None:
        return ""
    name, probability = said.likeliest
    return f"predicted: {name}, {percent(probability)}"


def strongest(text: ExplainedText) -> str:
    """The words that count most on each side, with their attributions."""
    sides = {
        "for": [piece for piece in text.strongest if piece.strength > 0],
        "against": [piece for piece in text.strongest if piece.strength < 0],
    }
    named = {
        side: ", ".join(f"{piece.text} {piece.value:+.2f}" for piece in pieces[:_NAMED])
        for side, pieces in sides.items()
        if pieces
    }
    return "; ".join(f"{side} it: {words}" for side, words in named.items()) or "no word counts"
