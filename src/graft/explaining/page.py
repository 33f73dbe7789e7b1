"""The page of explanations: one file that needs nothing else."""

from collections.abc import Sequence

from graft.explaining.explanation import ExplainedImage, ExplainedText
from graft.explaining.pictures import jpeg
from graft.explaining.wording import aside, strongest, told
from graft.reports.filling import filled

MOST_IMAGES = 200  # on a page; each takes some 30 kB of it


def page(name: str, about: str, samples: Sequence[ExplainedImage] | Sequence[ExplainedText], count: int) -> str:
    """Returns the page. Whatever comes from data, files or configs is escaped, and no script can run in it.

    Args:
        name: Of the run.
        about: Where the explanations come from, in a sentence or two.
        samples: All images or all texts that are to be shown.
        count: How many were explained.
    """
    return filled(
        "explanations.html.jinja",
        room="graft.explaining",
        name=name,
        about=about,
        images=[sample for sample in samples if isinstance(sample, ExplainedImage)],
        texts=[sample for sample in samples if isinstance(sample, ExplainedText)],
        count=count,
        told=told,
        aside=aside,
        strongest=strongest,
        jpeg=jpeg,
    )
