"""What the values of a configuration may be, beside plain types."""

from dataclasses import dataclass
from typing import Annotated, Any

ABSENT: Any = None  # where the key is absent, the library's own default holds


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included; `high=None` leaves it open."""

    low: float
    high: float | None = None

    def __str__(self) -> str:
        return f" of at least {self.low}" if self.high is None else f" from {self.low} to {self.high}"


Count = Annotated[int, Range(1)]
Share = Annotated[float, Range(0, 1)]
BelowOne = Annotated[float, Range(0, 0.999999)]
NonNegative = Annotated[float, Range(0)]
Positive = Annotated[float, Range(1e-30)]
Seed = Annotated[int, Range(0, 2**32 - 1)]  # what NumPy takes


class Node:
    """Any mapping with a `_target_`; checked further where Graft owns the target."""


Nodes = dict[str, Node | None]  # null switches an entry off
