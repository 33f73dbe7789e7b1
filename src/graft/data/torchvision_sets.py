"""Any of torchvision's sets for classification, by the name of its class."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import datasets

from graft.data.datamodule import DataModule
from graft.data.labels import rarest
from graft.data.parts import Parts, contents, rows_of, starts
from graft.data.settings import Settings
from graft.data.table import Kind, Table
from graft.errors import ConfigError, GraftError, did_you_mean

# How the sets name their parts; of several names that a set knows for one split, the first is taken.
_SPLITS = {"train": ("train", "trainval", "train-standard"), "val": ("val", "valid"), "test": ("test",)}
_TARGETS = ("targets", "labels", "_labels", "_targets")  # where the sets keep them, so that no image need be read
_LABELS = ("attr", *_TARGETS)
_SETS = [name for name in datasets.__all__ if inspect.isclass(getattr(datasets, name))]


@dataclass(frozen=True)
class _Samples:
    dataset: Any

    def __call__(self, row: int) -> Any:
        return self.dataset[row][0]


class Torchvision(DataModule):
    """Splits that the set itself prescribes are kept; the others are taken from its training split."""

    holds = Tensor

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
            options: further arguments of the class; where they say which part of the set, only that is read.
            **settings: see `Settings`.

        Raises:
            ConfigError: there is no such class, or it takes other options.
        """
        super().__init__(**settings)
        if dataset not in _SETS:
            raise ConfigError(f"datamodule.dataset={dataset} is no set of torchvision.{did_you_mean(dataset, _SETS)}")
        self.source = dataset
        self.make = getattr(datasets, dataset)
        self.takes = _arguments(self.make)
        if unknown := [name for name in options if name not in self.takes]:
            near = did_you_mean(unknown[0], self.takes)
            raise ConfigError(f"datamodule.options.{unknown[0]}: {dataset} takes no such argument.{near}")
        needed = [name for name, argument in self.takes.items() if argument.default is argument.empty]
        if lacking := [name for name in needed if name not in {"root", *options}]:
            say = " ".join(f"datamodule.options.{name}=…" for name in lacking)
            raise ConfigError(f"datamodule.dataset={dataset} must be told more: {say}")
        # Where both are taken, as by EMNIST, `split` says which of several sets.
        self.part = next((name for name in ("train", "split") if name in self.takes), None)
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
        classes, targets = self._named(found[0][1], np.concatenate([self._targets(part) for _, part in found]))
        described, bad = contents(load, len(targets), self.source)
        if bad:
            raise GraftError(f"datamodule.dataset={self.source}: a sample is {next(iter(bad.values()))}.")
        return Table(
            ids=[f"{split or 'all'}/{row}" for (split, part) in found for row in range(len(part))],
            classes=classes,
            targets=targets,
            load=load,
            strata=targets if targets.ndim == 1 else rarest(targets),
            given=rows_of([split for split, _ in found], lengths),
            kind=Kind.SINGLE_LABEL if targets.ndim == 1 else Kind.MULTI_LABEL,
            **described,
        )

    def _parts(self) -> list[tuple[str | None, Any]]:
        if self.part is None or self.part in self.options:
            return [(None, self._made())]
        if self.part == "train":
            return [("train", self._made(train=True)), ("test", self._made(train=False))]
        parts: list[tuple[str | None, Any]] = []
        for split, names in _SPLITS.items():
            made = next((part for name in names if (part := self._if_known(name)) is not None), None)
            if made is None and split == "train":
                raise ConfigError(
                    f"torchvision's {self.source} has none of the splits {', '.join(names)} to learn from. Say which of"
                    " its parts to read: datamodule.options.split=…"
                )
            parts += [(split, made)] if made is not None else []
        return parts

    def _if_known(self, name: str) -> Any:
        try:
            return self._made(split=name)
        except ConfigError as error:
            if "for argument split" in str(error):  # how torchvision says that the set has no such split
                return None
            raise

    def _made(self, **part: Any) -> Any:
        arguments = {"root": self.root, "download": self.download}
        arguments = {name: value for name, value in arguments.items() if name in self.takes}
        try:
            return self.make(**arguments, **self.options, **part)
        except ImportError as error:
            raise GraftError(f"torchvision's {self.source} needs a package that is not here: {error}") from error
        except (RuntimeError, OSError) as error:
            raise GraftError(
                f"torchvision's {self.source} cannot be read from {self.root}: {error}\nWhere there is network:"
                " datamodule.download=true; else put its files there."
            ) from error
        except Exception as error:  # each class looks at its arguments in a way of its own
            given = ", ".join(f"{name}={value}" for name, value in (self.options | part).items())
            raise ConfigError(
                f"torchvision's {self.source} cannot be made with {given or 'no options'}: {error}"
            ) from (error)

    def _targets(self, part: Any) -> NDArray[np.int64]:
        places = _LABELS if self.kind is Kind.MULTI_LABEL else _TARGETS
        found = next((getattr(part, name) for name in places if len(getattr(part, name, ())) == len(part)), None)
        try:
            found = [part[row][1] for row in range(len(part))] if found is None else found
            targets = torch.as_tensor(found).numpy()
        except (TypeError, ValueError, RuntimeError, NotImplementedError):  # anything but numbers of one shape
            targets = np.empty(0)
        dimensions = 2 if self.kind is Kind.MULTI_LABEL else 1
        whole = targets.ndim == dimensions and targets.size > 0 and np.issubdtype(targets.dtype, np.integer)
        if not whole or targets.min() < 0 or (dimensions == 2 and targets.max() > 1):
            what = "labels (task=multilabel)" if dimensions == 2 else "classes"
            example = f"a target is {str(part[0][1])[:100]}" if len(part) else "it is empty"
            raise GraftError(f"torchvision's {self.source} is no set of {what}: {example}.")
        return targets.astype(np.int64)

    def _named(self, part: Any, targets: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
        """Returns the names of the classes, or of the labels, and the targets."""
        if targets.ndim > 1:
            names = getattr(part, "attr_names", range(targets.shape[1]))
            return [str(name) for name in names][: targets.shape[1]], targets
        names = getattr(part, "classes", range(targets.max() + 1))
        used, targets = np.unique(targets, return_inverse=True)  # some sets name classes that they have no samples of
        return [str(names[target]) for target in used], targets


def _arguments(made: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class, and of those above it to which it hands on what it does not know."""
    found: dict[str, inspect.Parameter] = {}
    for each in made.__mro__:
        own = inspect.signature(each.__init__).parameters if "__init__" in vars(each) else None  # type: ignore[misc]
        if own is None:
            continue
        kinds = {argument.kind for argument in own.values()}
        named = {name: argument for name, argument in own.items() if argument.kind == argument.POSITIONAL_OR_KEYWORD}
        found = {**named, **found}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return {name: argument for name, argument in found.items() if name != "self"}
