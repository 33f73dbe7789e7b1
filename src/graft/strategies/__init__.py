"""Which stages learn, when and how fast."""

from graft.strategies.phases import Phase, Strategy

__all__ = ["Phase", "Strategy"]
