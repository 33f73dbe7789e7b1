"""Any set of images or texts with classes from the Hugging Face hub, or one that was saved in a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from graft.data.datamodule import DataModule, Settings
from graft.data.folders import SPLIT_OF
from graft.data.labels import Strings, read_labels
from graft.data.parts import Parts, contents, rows_of, starts
from graft.data.table import Table
from graft.errors import ConfigError, GraftError, did_you_mean


@dataclass(frozen=True)
class _Samples:
    dataset: Any
    column: str

    def __call__(self, row: int) -> Any:
        return self.dataset[row][self.column]


class HuggingFace(DataModule):
    """Splits of the set whose names are those of splits are kept; missing ones are taken from its training split."""

    def __init__(
        self, *, dataset: str, config: str | None, sample: str | None, label: str | None, **settings: Unpack[Settings]
    ) -> None:
        """Takes what to read, and `Settings`; reads nothing yet.

        Args:
            dataset: an id on the hub; a folder that `save_to_disk` wrote; or one that `load_dataset` reads.
            config: which of several the set has.
            sample: the column of the images or texts; None: the only one of that kind.
            label: the column of the classes or values; None: the only one of classes.
            **settings: see `Settings`.
        """
        super().__init__(**settings)
        self.source = dataset
        self.config = config
        self.sample = sample
        self.label = label

    def read(self) -> Table:
        """Fetches the set where it is not in the cache of the hub's library, and reads each sample once.

        Raises:
            GraftError: the extra is missing, the set cannot be had, or a column is not there.
        """
        parts = self._parts()
        features = next(iter(parts.values())).features
        sample = self._column("sample", self.sample, _is_sample, features)
        label = self._column("label", self.label, _is_class, features)
        lengths = [len(part) for part in parts.values()]
        load = Parts([_Samples(part, sample) for part in parts.values()], starts(lengths))
        values: Strings = np.concatenate([_strings(part, label) for part in parts.values()])
        labels = read_labels(Path(self.source), {label: values}, self.kind, None)
        if not labels.present.all():
            count = int((~labels.present).sum())
            raise GraftError(f"datamodule.dataset={self.source}: {count} rows have no value in {label!r}.")
        return Table(
            ids=[f"{name}/{row}" for name, part in parts.items() for row in range(len(part))],
            classes=labels.classes,
            targets=labels.targets,
            load=load,
            strata=labels.strata,
            given=rows_of([SPLIT_OF[name] for name in parts], lengths),
            kind=self.kind,
            **contents(load, len(values), self.source),
        )

    def _parts(self) -> dict[str, Any]:
        loaded = _load(self.source, self.config)
        if not isinstance(loaded, dict):
            return {"train": loaded}
        parts = {name: part for name, part in loaded.items() if name in SPLIT_OF and len(part)}
        if "train" not in {SPLIT_OF[name] for name in parts}:
            raise GraftError(f"datamodule.dataset={self.source} has no training split, but: {', '.join(loaded)}.")
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
    return type(feature).__name__ == "ClassLabel"


def _strings(part: Any, column: str) -> Strings:
    feature = part.features[column]
    values = list(part.with_format(None).select_columns([column])[column])
    if _is_class(feature):
        values = [None if value is None or value < 0 else feature.int2str(value) for value in values]
    return np.array([None if value is None else str(value) for value in values], dtype=object)
