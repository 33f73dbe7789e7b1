"""From columns of a table file to targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Kind
from graft.errors import ConfigError, GraftError

Strings = NDArray[np.object_]
"""(n,) str, or None where there is nothing."""

_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_BINS = 10  # of values, so that each split has low and high ones


@dataclass(frozen=True)
class Labels:
    """Targets and what comes with them.

    Attributes:
        classes: names of the classes, labels or values.
        targets: see `graft.data.table.Table`; 0 where there is none.
        strata: (n,) whose mixture every split is to share.
        present: (n,) whether the row has a target.
    """

    classes: list[str]
    targets: NDArray[Any]
    strata: NDArray[Any]
    present: NDArray[np.bool_]


def read_labels(path: Path, columns: Mapping[str, Strings], kind: Kind, separator: str | None) -> Labels:
    """Makes targets of the label columns of a file.

    Args:
        path: the file, for messages.
        columns: by name.
        kind: of the targets.
        separator: between the labels in one column, of several labels; None: a column for each label.

    Raises:
        ConfigError: the kind takes another number of columns.
        GraftError: a value is none of its kind, or there is only one class.
    """
    if not columns:
        raise ConfigError("datamodule.labels=[]: name at least one column.")
    present = np.all([[value is not None for value in values] for values in columns.values()], axis=0)
    if kind is Kind.REGRESSION:
        return _values(path, columns, present)
    if kind is Kind.MULTI_LABEL and separator is None:
        return _flags(path, columns, present)
    if len(columns) > 1:
        names = ",".join(columns)
        hint = "datamodule.separator is set" if separator else "one class a sample is one column; else task=multilabel"
        raise ConfigError(f"datamodule.labels=[{names}]: {hint}.")
    values = next(iter(columns.values()))
    if kind is Kind.MULTI_LABEL:
        assert separator is not None
        return _sets([_parted(value, separator) for value in values])
    return _classes(path, values, present)


def _classes(path: Path, values: Strings, present: NDArray[np.bool_]) -> Labels:
    classes = sorted(set(values[present]), key=_in_order)
    if len(classes) < 2:
        raise GraftError(
            f"{path} has {'only one class, ' + classes[0] if classes else 'no labels'}: there must be two."
        )
    number = {name: position for position, name in enumerate(classes)}
    targets = np.array([number.get(value, 0) for value in values], dtype=np.int64)
    return Labels(classes, targets, targets, present)


def _sets(rows: Sequence[frozenset[str]]) -> Labels:
    classes = sorted(frozenset().union(*rows), key=_in_order)
    targets = np.array([[name in labels for name in classes] for labels in rows], dtype=np.int64)
    # A sample without any label is a sample all the same.
    return Labels(classes, targets, rarest(targets), np.ones(len(rows), dtype=bool))


def _flags(path: Path, columns: Mapping[str, Strings], present: NDArray[np.bool_]) -> Labels:
    targets = np.zeros((len(present), len(columns)), dtype=np.int64)
    for position, (name, values) in enumerate(columns.items()):
        for row in np.flatnonzero(present):
            if (value := values[row].lower()) not in _TRUE | _FALSE:
                raise GraftError(f"{path}, row {row + 1}, column {name!r}: {values[row]!r} is neither 0 nor 1.")
            targets[row, position] = value in _TRUE
    return Labels(list(columns), targets, rarest(targets), present)


def _values(path: Path, columns: Mapping[str, Strings], present: NDArray[np.bool_]) -> Labels:
    targets = np.zeros((len(present), len(columns)), dtype=np.float32)
    for position, (name, values) in enumerate(columns.items()):
        for row in np.flatnonzero(present):
            try:
                targets[row, position] = float(values[row])
            except ValueError as error:
                raise GraftError(f"{path}, row {row + 1}, column {name!r}: {values[row]!r} is no number.") from error
    finite = np.isfinite(targets).all(axis=1)
    return Labels(list(columns), targets, _bins(targets[:, 0]), present & finite)


def rarest(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each row's rarest label, -1 where it has none: to share those out evenly is what is hard."""
    counts = np.where(targets > 0, targets.sum(axis=0), len(targets) + 1)
    return np.where(targets.any(axis=1), counts.argmin(axis=1), -1)


def _bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Quantile bins, fewer where there are few rows: each split must have one of each."""
    count = max(1, min(_BINS, len(values) // 20))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])) if len(values) else np.empty(0)
    return np.searchsorted(edges, values, side="right")


def _parted(value: str | None, separator: str) -> frozenset[str]:
    return frozenset(filter(None, (part.strip() for part in (value or "").split(separator))))


def _in_order(name: str) -> tuple[int, float, str]:
    """Numbers by their value, before words."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
