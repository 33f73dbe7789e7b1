"""Datasets of a split of which something is known beforehand, in some epochs or for good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from graft.data.samples import AnySamples, FeatureRows, FeatureSamples, Samples, Scheduled


@dataclass(frozen=True)
class Known:
    """What is known of a split's samples beforehand, in some epochs.

    Attributes:
        features: (views · n, …), one view of all samples behind the other, in the order of `splits[split]`.
        behind: the stage whose activations they are; None: they are what the head takes in.
        begins: the first of the epochs.
        ends: the epoch behind the last; None: they never end, and hold when the training is over.
        views: of each sample, shown in turn epoch by epoch.
        with_inputs: whether the stages above need the inputs too, of which they make masks.
    """

    features: FeatureRows
    behind: str | None = None
    begins: int = 0
    ends: int | None = None
    views: int = 1
    with_inputs: bool = False

    def of(self, samples: Samples) -> FeatureSamples:
        """Returns the samples by what is known of them."""
        tokens = samples if self.with_inputs else None
        return FeatureSamples(samples.table, samples.rows, self.features, self.behind, self.views, tokens)


@dataclass(frozen=True)
class Decoded:
    """Images of a split that need not be decoded again.

    Attributes:
        load: takes a row of the table and returns the image.
        resized: whether images are what `pixels` of the preprocessing makes, see `Backbone.preprocess`; else canonical.
    """

    load: Callable[[int], Tensor]
    resized: bool


def epochs_left(known: Sequence[Known], epochs: int) -> int:
    """Returns in how many of so many epochs nothing is known."""
    ends = [epochs if part.ends is None else min(part.ends, epochs) for part in known]
    return epochs - sum(max(0, end - part.begins) for part, end in zip(known, ends, strict=True))


def afterwards(samples: Samples, known: Sequence[Known]) -> Samples | FeatureSamples:
    """Returns the samples by what holds when the training is over."""
    return next((part.of(samples) for part in known if part.ends is None), samples)


def by_epoch(samples: Samples, known: Sequence[Known]) -> AnySamples:
    """Returns the samples, in each epoch by what holds in it; in the others as they are.

    Args:
        samples: As they are.
        known: One behind the other, without overlap.
    """
    parts: dict[int, Samples | FeatureSamples] = {0: samples}
    for part in known:
        parts[part.begins] = part.of(samples)
        if part.ends is not None:
            parts[part.ends] = samples  # unless the next one begins there
    return parts[0] if len(parts) == 1 else Scheduled(tuple(sorted(parts.items(), key=lambda item: item[0])))
