"""Datasets: draws in, batches out. They travel to the loader processes and hold picklable things only."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.utils.data import Dataset, default_collate

from graft.data.augmentation import OnBatches, Transform
from graft.data.sampling import Draw
from graft.data.table import Kind, Rows, Table

Batch = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Samples(Dataset[Batch]):
    """The samples of a split, read and transformed when they are asked for.

    Attributes:
        table: all samples.
        rows: (n,) the rows of this split.
        transform: canonical sample to network input, or to what `finish` takes; a tensor or a dictionary of tensors.
        seed: of the randomness in `transform`; None when there is none.
        collate: makes a batch of what `transform` returns.
        finish: makes network inputs of that batch; None: they are.
        mix: what mixes the samples of a batch, when they are finished.
        on_device: leaves `finish` to the device; a batch has "pixels" in the place of "inputs".
    """

    table: Table
    rows: Rows
    transform: Transform
    seed: int | None
    collate: Callable[[list[Any]], Any] = default_collate
    finish: Transform | None = None
    mix: tuple[OnBatches, ...] = ()
    on_device: bool = False

    def __len__(self) -> int:
        """Returns the number of samples."""
        return len(self.rows)

    def __getitem__(self, position: int) -> Batch:
        """Returns one sample as it is in epoch 0, without the batch dimension."""
        return _first(self.__getitems__([Draw(0, position)]))

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Returns a batch with "inputs" (B, …), "target", "index", perhaps "weight"; mixed targets are (B, classes)."""
        inputs = self.collate([self._input(draw.epoch, int(self.rows[draw.position])) for draw in draws])
        labels = _labels(self.table, self.rows, draws)
        if self.finish is not None and self.on_device:
            return {"pixels": inputs, **labels}
        batch = {"inputs": inputs if self.finish is None else self.finish(inputs), **labels}
        return self._mixed(batch, draws[0]) if self.mix else batch

    def _mixed(self, batch: Batch, first: Draw) -> Batch:
        inputs, shares = batch["inputs"], batch["target"]
        if self.table.kind is Kind.SINGLE_LABEL:
            shares = one_hot(shares, len(self.table.classes))
        with seeded(self.seed or 0, first.epoch, int(self.rows[first.position]), 1):
            for mix in self.mix:
                inputs, shares = mix(inputs, shares.float())
        return {**batch, "inputs": inputs, "target": shares}

    def _input(self, epoch: int, row: int) -> Any:  # a tensor or a dictionary of tensors
        sample = self.table.load(row)
        if self.seed is None:
            return self.transform(sample)
        with seeded(self.seed, epoch, row):
            return self.transform(sample)


def plain(table: Table, rows: Rows, preprocess: Transform) -> Samples:
    """Returns the samples of rows as they are, made inputs of as a backbone's `preprocess` says."""
    each, finish = in_two(preprocess)
    return Samples(table, rows, each, None, getattr(preprocess, "collate", default_collate), finish)


def in_two(preprocess: Transform) -> tuple[Transform, Transform | None]:
    """Returns what is to be done to each sample, and what then to a whole batch; None: nothing."""
    return getattr(preprocess, "pixels", preprocess), getattr(preprocess, "normalise", None)


@contextmanager
def seeded(*words: int) -> Iterator[None]:
    """Seeds torch's generator for the block from numbers that are not negative, and puts it back."""
    with torch.random.fork_rng(devices=[]):
        state = np.random.SeedSequence(words).generate_state(1, np.uint64)
        # torch.manual_seed would seed the GPU's generator too, which dropout draws from.
        torch.default_generator.manual_seed(int(state[0]))
        yield


class FeatureRows(Protocol):
    """Features of samples, `(n, …)`: a tensor, or what gathers them from the disk."""

    def __len__(self) -> int:
        """Returns the number of samples."""

    def __getitem__(self, positions: list[int], /) -> Tensor:
        """Returns those at some positions, `(positions, …)`."""


@dataclass(frozen=True, eq=False)
class FeatureSamples(Dataset[Batch]):
    """The samples of a split by their features, computed beforehand.

    Attributes:
        table: all samples.
        rows: (n,) the rows of this split.
        features: (views · n, …), one view of all samples behind the other, in the order of `rows`.
        behind: the stage whose activations they are; None: they are what the head takes in.
        views: of each sample, shown in turn epoch by epoch.
        tokens: gives the inputs that go along, as masks are made of them; None: none are needed.
    """

    table: Table
    rows: Rows
    features: FeatureRows
    behind: str | None = None
    views: int = 1
    tokens: Samples | None = None

    def __len__(self) -> int:
        """Returns the number of samples."""
        return len(self.rows)

    def __getitem__(self, position: int) -> Batch:
        """Returns one sample without the batch dimension."""
        return _first(self.__getitems__([Draw(0, position)]))

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Returns a batch with "features" (B, …), "target", "index", perhaps "behind", "weight" and "inputs"."""
        features = self.features[[draw.epoch % self.views * len(self.rows) + draw.position for draw in draws]]
        behind = {} if self.behind is None else {"behind": self.behind}
        others = _labels(self.table, self.rows, draws) if self.tokens is None else self.tokens.__getitems__(draws)
        return {"features": features, **behind, **others}


@dataclass(frozen=True, eq=False)
class Scheduled(Dataset[Batch]):
    """The samples of a split, of which each epoch has another dataset.

    Attributes:
        parts: from which epoch on, ascending from 0, and the dataset.
    """

    parts: tuple[tuple[int, Samples | FeatureSamples], ...]

    def __len__(self) -> int:
        """Returns the number of samples."""
        return len(self.parts[0][1])

    def __getitem__(self, position: int) -> Batch:
        """Returns one sample as it is in epoch 0, without the batch dimension."""
        return self.parts[0][1][position]

    def __getitems__(self, draws: Sequence[Draw]) -> Batch:
        """Returns the batch of the dataset of the draws' epoch, which is one for all of them."""
        parts = [part for begins, part in self.parts if begins <= draws[0].epoch]
        return parts[-1].__getitems__(draws)


AnySamples = Samples | FeatureSamples | Scheduled


def finished_on_device(samples: AnySamples) -> AnySamples:
    """Returns samples that leave what they can to the device, see `Samples.on_device`."""
    if isinstance(samples, Scheduled):
        return Scheduled(tuple((begins, cast("Samples", finished_on_device(part))) for begins, part in samples.parts))
    return replace(samples, on_device=True) if isinstance(samples, Samples) else samples


def as_is(value: Any) -> Any:
    """Stands in for a collate function, as the datasets make whole batches themselves, or for a transform."""
    return value


def _labels(table: Table, rows: Rows, draws: Sequence[Draw]) -> Batch:
    index = rows[[draw.position for draw in draws]]
    labels = {"target": torch.from_numpy(table.targets[index]), "index": torch.from_numpy(index)}
    if table.weights is not None:
        labels["weight"] = torch.from_numpy(table.weights[index])
    return labels


def _first(batch: Batch) -> Batch:
    return {
        key: _first(value) if isinstance(value, dict) else value if isinstance(value, str) else value[0]
        for key, value in batch.items()
    }
