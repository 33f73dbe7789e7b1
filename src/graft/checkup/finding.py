"""One thing that was looked at, and what is to be said of it."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How things stand: `WRONG` would stop a training, `WARNING` would not, `ABSENT` is missing and not asked for."""

    FINE = "fine"
    ABSENT = "absent"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        subject: What was looked at, in a word or two.
        state: How it is.
        verdict: What that means for a training.
        advice: What to do about it; "" where there is nothing to do.
    """

    subject: str
    state: str
    verdict: Verdict = Verdict.FINE
    advice: str = ""


def fine(subject: str, state: str) -> Finding:
    """Returns a finding of which nothing needs to be said."""
    return Finding(subject, state)


def absent(subject: str, state: str, advice: str) -> Finding:
    """Returns a finding of something that is not there, and that nothing asks for."""
    return Finding(subject, state, Verdict.ABSENT, advice)


def warning(subject: str, state: str, advice: str) -> Finding:
    """Returns a finding that a training would survive."""
    return Finding(subject, state, Verdict.WARNING, advice)


def wrong(subject: str, state: str, advice: str) -> Finding:
    """Returns a finding that would stop a training."""
    return Finding(subject, state, Verdict.WRONG, advice)
