"""Any set of images or texts with classes from the Hugging Face hub, or one that was saved in a folder."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from graft.data.checks import settle
from graft.data.datamodule import DataModule
from graft.data.folders import SPLIT_OF
from graft.data.labels import read_labels
from graft.data.parts import Parts, contents, rows_of, starts
from graft.data.settings import Settings
from graft.data.strings import Strings, strings
from graft.data.table import BadFile, Picked, Table
from graft.errors import ConfigError, GraftError, did_you_mean

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Samples:
    dataset: Any
    column: str

    def __call__(self, row: int) -> Any:
        return self.dataset[row][self.column]

    def encoded(self, row: int) -> bytes | str | None:
        """Returns the text, or what the picture's file holds."""
        if self._pictures is None:
            return str(self(row))
        stored = self._pictures[row][self.column]
        return stored["bytes"] or Path(stored["path"]).read_bytes()

    @cached_property
    def _pictures(self) -> Any:
        """The set with its pictures as they are stored; None where they are texts."""
        feature = self.dataset.features[self.column]
        if type(feature).__name__ != "Image":
            return None
        return self.dataset.cast_column(self.column, type(feature)(decode=False))


class HuggingFace(DataModule):
    """Splits of the set whose names are those of splits are kept; missing ones are taken from its training split."""

    def __init__(
        self,
        *,
        dataset: str,
        config: str | None,
        sample: str | None,
        label: str | None,
        group: str | None = None,
        facets: Sequence[str] = (),
        min_rows: int = 1,
        **settings: Unpack[Settings],
    ) -> None:
        """Takes what to read, and `Settings`; reads nothing yet.

        Args:
            dataset: an id on the hub; a folder that `save_to_disk` wrote; or one that `load_dataset` reads.
            config: which of several the set has.
            sample: the column of the images or texts; None: the only one of that kind.
            label: the column of the classes or values; None: the only one of classes.
            group: the column of what must stay in one split; None: every row for itself.
            facets: columns by which scores are broken down.
            min_rows: of several labels a sample, those that fewer samples have are left out.
            **settings: see `Settings`.
        """
        super().__init__(**settings)
        self.source = dataset
        self.config = config
        self.sample = sample
        self.label = label
        self.group = group
        self.facets = list(facets)
        self.min_rows = min_rows

    def read(self) -> Table:
        """Fetches the set where it is not in the cache of the hub's library, and reads each sample once.

        Raises:
            GraftError: the extra is missing, the set cannot be had, a column is not there, or a sample cannot be used.
        """
        parts = self._parts()
        features = next(iter(parts.values())).features
        sample = self._column("sample", self.sample, _is_sample, features)
        label = self._column("label", self.label, _is_class, features)
        for key, name in (("group", self.group), *(("facets", each) for each in self.facets)):
            self._column(key, name or label, _is_class, features)
        parts = _labelled(parts, label)
        lengths = [len(part) for part in parts.values()]
        load = Parts([_Samples(part, sample) for part in parts.values()], starts(lengths))
        described, bad = contents(load, sum(lengths), self.source)
        labels = read_labels(
            Path(self.source), {label: _strings(parts, label)}, self.kind, min_rows=self.min_rows, keys="datamodule"
        )
        bad = dict.fromkeys(np.flatnonzero(~labels.present).tolist(), f"no value in {label}") | bad
        ids = [f"{name}/{row}" for name, part in parts.items() for row in range(len(part))]
        skipped = [BadFile(ids[row], bad[row]) for row in sorted(bad)]
        settle(skipped, len(ids), self.source, self.bad_files)
        good = np.setdiff1d(np.arange(len(ids)), np.array(list(bad), dtype=np.int64))
        given = rows_of([SPLIT_OF[name] for name in parts], lengths) if len(parts) > 1 else {}
        return Table(
            ids=[ids[row] for row in good],
            classes=labels.classes,
            targets=labels.targets[good],
            load=Picked(load, good),
            strata=labels.strata[good],
            groups=None if self.group is None else _strings(parts, self.group).array()[good],
            facets={name: _strings(parts, name).array()[good] for name in self.facets},
            given={name: np.flatnonzero(np.isin(good, rows)) for name, rows in given.items()},
            skipped=skipped,
            kind=self.kind,
            **{name: column[good] for name, column in described.items()},
        )

    def _parts(self) -> dict[str, Any]:
        loaded = _load(self.source, self.config)
        if not isinstance(loaded, dict):
            return {"train": loaded}
        parts = {name: part for name, part in loaded.items() if name in SPLIT_OF and len(part)}
        if len(parts) > 1 and "train" not in {SPLIT_OF[name] for name in parts}:
            raise GraftError(f"datamodule.dataset={self.source} has no training split, but: {', '.join(loaded)}.")
        if not parts:
            raise GraftError(f"datamodule.dataset={self.source} has no split with samples, but: {', '.join(loaded)}.")
        return parts

    def _column(self, key: str, wanted: str | None, fits: Callable[[Any], bool], features: Any) -> str:
        fitting = [str(name) for name in features if fits(features[name])]
        if wanted is None and len(fitting) == 1:
            return fitting[0]
        if wanted is None:
            raise ConfigError(f"Which column is it? datamodule.{key}=…, one of {', '.join(fitting or features)}.")
        if wanted not in features:
            near = did_you_mean(wanted, features)
            raise ConfigError(f"datamodule.{key}={wanted} is no column of {self.source}.{near} {', '.join(features)}.")
        return wanted


def _load(dataset: str, config: str | None) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise GraftError("datamodule=huggingface needs the extra: pip install 'graft[huggingface]'") from error
    path = Path(dataset).expanduser()
    try:
        if (path / "dataset_dict.json").is_file() or (path / "dataset_info.json").is_file():
            return datasets.load_from_disk(str(path))
        return datasets.load_dataset(str(path) if path.exists() else dataset, config)
    except Exception as error:  # each version brings other errors of the network and of the files
        reason = str(error).partition("\n")[0]
        raise GraftError(
            f"datamodule.dataset={dataset} cannot be loaded: {reason}\nIf there is no network: on a machine with it,"
            f" datasets.load_dataset('{dataset}').save_to_disk('<folder>'); then datamodule.dataset=<folder> here."
        ) from error


def _is_sample(feature: Any) -> bool:
    return type(feature).__name__ == "Image" or getattr(feature, "dtype", None) in ("string", "large_string")


def _is_class(feature: Any) -> bool:
    return _names(feature) is not None


def _names(feature: Any) -> Any:
    """The feature of classes, or that of the classes in lists."""
    feature = getattr(feature, "feature", feature)
    return feature if type(feature).__name__ == "ClassLabel" else None


def _labelled(parts: dict[str, Any], label: str) -> dict[str, Any]:
    """Leaves out splits that have no label at all, as those of competitions."""
    kept = {name: part for name, part in parts.items() if _strings({name: part}, label).present.any()}
    if hidden := parts.keys() - kept.keys():
        log.warning("The split %s is left out: it holds no labels", " and ".join(sorted(hidden)))
    if "train" in hidden or not kept:
        raise GraftError(f"No sample to learn from has a value in {label!r}.")
    return kept


def _strings(parts: Mapping[str, Any], column: str) -> Strings:
    values: list[Any] = []
    for part in parts.values():
        names = _names(part.features[column])
        read = part.with_format(None).select_columns([column])[column]
        values += [value if names is None else _named(value, names) for value in read]
    return strings(values)


def _named(value: Any, names: Any) -> Any:
    if isinstance(value, list):
        return [names.int2str(each) for each in value if each >= 0]
    return None if value is None or value < 0 else names.int2str(value)
