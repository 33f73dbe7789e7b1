"""Augmentation: canonical sample in, canonical sample out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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


def chain(transforms: Mapping[str, Transform | None]) -> Transform | None:
    """Joins the entries of an augmentation config in their order; null entries are off.

    Returns:
        One transform, or None when nothing is on: then training samples are the same in every epoch.
    """
    active = tuple(transform for transform in transforms.values() if transform is not None)
    return Chain(active) if active else None
