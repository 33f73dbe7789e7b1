"""Augmentation: canonical sample in, canonical sample out; or a batch of inputs and targets in and out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Transform = Callable[[Any], Any]


@dataclass(frozen=True)
class Chain:
    """Applies transforms one after the other; picklable where they are."""

    transforms: tuple[Transform, ...]

    def __call__(self, sample: Any) -> Any:
        """Returns the sample after the last transform."""
        for transform in self.transforms:
            sample = transform(sample)
        return sample


@dataclass(frozen=True)
class OnBatches:
    """Marks an entry of an augmentation config that mixes samples, such as torchvision's MixUp and CutMix.

    Attributes:
        mix: Takes inputs `(batch, …)` and shares of the classes `(batch, classes)`, and returns both.
    """

    mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

    def __call__(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Returns both mixed."""
        return self.mix(inputs, shares)


def chain(entries: Mapping[str, Any]) -> Transform | None:
    """Joins the entries of an augmentation config that act on single samples, in their order; null entries are off.

    Returns:
        One transform, or None when nothing is on.
    """
    active = tuple(entry for entry in entries.values() if entry is not None and not isinstance(entry, OnBatches))
    return Chain(active) if active else None


def mixes(entries: Mapping[str, Any]) -> tuple[OnBatches, ...]:
    """Returns the entries that act on batches, in their order."""
    return tuple(entry for entry in entries.values() if isinstance(entry, OnBatches))
