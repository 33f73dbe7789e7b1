"""Texts as canonical samples."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Texts:
    """Holds texts and gives them out by row; picklable.

    Attributes:
        texts: by row.
    """

    texts: list[str]

    def __call__(self, row: int) -> str:
        """Returns the canonical sample: the text itself."""
        return self.texts[row]
