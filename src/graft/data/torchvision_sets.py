"""Any of torchvision's sets for classification, by the name of its class."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import datasets

from graft.data.datamodule import DataModule, Settings
from graft.data.parts import Parts, contents, rows_of, starts
from graft.data.table import Table
from graft.errors import ConfigError, GraftError, did_you_mean

_SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_TARGETS = ("targets", "labels", "_labels", "_targets")  # where the sets keep them, so that no image need be read


@dataclass(frozen=True)
class _Samples:
    dataset: Any

    def __call__(self, row: int) -> Any:
        return self.dataset[row][0]


class Torchvision(DataModule):
    """Splits that the set itself prescribes are kept; the others are taken from its training split."""

    def __init__(
        self,
        *,
        dataset: str,
        root: str | Path,
        download: bool,
        options: Mapping[str, Any],
        **settings: Unpack[Settings],
    ) -> None:
        """Takes what to read, and `Settings`; reads nothing yet.

        Args:
            dataset: the name of a class of `torchvision.datasets`.
            root: the folder that holds it or is to hold it.
            download: whether to fetch it where it is not there.
            options: further arguments of the class; with `split` or `train` in them, only that part is read.
            **settings: see `Settings`.

        Raises:
            ConfigError: there is no such class, or it does not take the options.
        """
        super().__init__(**settings)
        if dataset not in datasets.__all__:
            raise ConfigError(
                f"datamodule.dataset={dataset} is no set of torchvision.{did_you_mean(dataset, datasets.__all__)}"
            )
        self.source = dataset
        self.make = getattr(datasets, dataset)
        self.takes = inspect.signature(self.make).parameters
        if unknown := [name for name in options if name not in self.takes]:
            near = did_you_mean(unknown[0], self.takes)
            raise ConfigError(f"datamodule.options.{unknown[0]}: {dataset} takes no such argument.{near}")
        self.options = dict(options)
        self.root = Path(root).expanduser()
        self.download = download

    def read(self) -> Table:
        """Reads the labels, and each image once.

        Raises:
            GraftError: the set is not there, cannot be fetched, or is not one of classes.
        """
        found = self._parts()
        lengths = [len(part) for _, part in found]
        load = Parts([_Samples(part) for _, part in found], starts(lengths))
        targets = np.concatenate([self._targets(part) for _, part in found])
        names = getattr(found[0][1], "classes", range(targets.max() + 1))
        used, targets = np.unique(targets, return_inverse=True)  # some sets name classes that they have no samples of
        try:
            described = contents(load, len(targets), self.source)
        except ValueError as error:
            raise GraftError(f"datamodule.dataset={self.source}: a sample is {error}.") from error
        splits = [split for split, _ in found]
        return Table(
            ids=[f"{split or 'all'}/{row}" for (split, part) in found for row in range(len(part))],
            classes=[str(names[target]) for target in used],
            targets=targets,
            load=load,
            strata=targets,
            given=rows_of(splits, lengths),
            **described,
        )

    def _parts(self) -> list[tuple[str | None, Any]]:
        if {"split", "train"} & self.options.keys() or not {"split", "train"} & self.takes.keys():
            return [(None, self._made())]
        if "train" in self.takes:
            return [("train", self._made(train=True)), ("test", self._made(train=False))]
        parts: list[tuple[str | None, Any]] = []
        for name, split in _SPLITS.items():
            try:
                parts.append((split, self._made(split=name)))
            except ValueError:  # how torchvision says that the set has no such split
                continue
        return parts

    def _made(self, **part: Any) -> Any:
        arguments = {"root": self.root, "download": self.download} if "root" in self.takes else {}
        arguments = {name: value for name, value in arguments.items() if name in self.takes}
        try:
            return self.make(**arguments, **self.options, **part)
        except (RuntimeError, OSError) as error:
            raise GraftError(
                f"torchvision's {self.source} cannot be read from {self.root}: {error}\nWhere there is network:"
                " datamodule.download=true; else put its files there."
            ) from error

    def _targets(self, part: Any) -> NDArray[np.int64]:
        found = next((getattr(part, name) for name in _TARGETS if len(getattr(part, name, ())) == len(part)), None)
        found = [part[row][1] for row in range(len(part))] if found is None else found
        targets = torch.as_tensor(found).numpy()
        if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer) or targets.min() < 0:
            raise GraftError(f"torchvision's {self.source} is no set of classes: a target is {part[0][1]!r}.")
        return targets.astype(np.int64)
