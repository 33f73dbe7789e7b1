"""From columns of a table file to targets."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.faults import Faults
from graft.data.lines import place
from graft.data.strings import Strings, written
from graft.data.table import Kind
from graft.errors import ConfigError, GraftError, many

_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
_NO_VALUE = frozenset({"na", "n/a"})  # in lower case; as a class they may be meant
_BINS = 10  # of values, so that each split has low and high ones
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_DECIMAL_COMMA = re.compile(r"[+-]?[\d.]*,\d+")
_NAMED = 3  # wrong values to name beside the first
_SPLITS = 3  # each must have a sample of each class


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


def read_labels(
    path: Path,
    columns: Mapping[str, Strings],
    kind: Kind,
    *,
    separator: str | None = None,
    min_rows: int = 1,
    keys: str = "datamodule.columns",
) -> Labels:
    """Makes targets of the label columns of a file.

    Args:
        path: the file, for messages.
        columns: by name.
        kind: of the targets.
        separator: between the labels in one column, of several labels; None: a column for each label, or of lists.
        min_rows: labels in one column that fewer rows have are left out.
        keys: where the config says these things, for messages.

    Raises:
        ConfigError: the kind takes another number of columns.
        GraftError: a value is none of its kind, or there is only one class.
    """
    if not columns:
        raise ConfigError(f"{keys}.labels=[]: name at least one column.")
    if separator is not None and kind is not Kind.MULTI_LABEL:
        raise ConfigError(f"{keys}.separator={separator} is for several labels a sample: task=multilabel.")
    name, column = next(iter(columns.items()))
    listed = next((name for name, column in columns.items() if column.lists), None)
    if listed is not None and kind is not Kind.MULTI_LABEL:
        raise GraftError(f"{path}, column {listed!r} holds lists: several labels a sample are task=multilabel.")
    in_one = separator is not None or listed is not None
    if len(columns) > 1 and kind is not Kind.REGRESSION and (in_one or kind is Kind.SINGLE_LABEL):
        hint = (
            "several labels in one column are one column" if in_one else "a class is one column; else task=multilabel"
        )
        raise ConfigError(f"{keys}.labels=[{','.join(columns)}]: {hint}.")
    if kind is Kind.REGRESSION:
        return _values(path, columns)
    if kind is Kind.SINGLE_LABEL:
        return _classes(path, name, column)
    return _sets(path, name, column, separator, min_rows, keys) if in_one else _flags(path, columns)


def _classes(path: Path, name: str, column: Strings) -> Labels:
    plain = _as_one_number(column.values)
    classes = sorted(set(plain), key=_in_order)
    if len(classes) < 2:
        raise GraftError(
            f"{path} has {'only one class, ' + classes[0] if classes else 'no labels'}: there must be two."
        )
    if len(classes) * _SPLITS > (rows := int(column.present.sum())) and len(classes) > _BINS:
        raise GraftError(
            f"{path}, column {name!r}: {len(classes)} different values in {many(rows, 'row')} are hardly classes. If"
            " they are numbers to predict: task=regression; else name another column."
        )
    position = {name: number for number, name in enumerate(classes)}
    targets = np.array([*(position[each] for each in plain), 0], dtype=np.int64)[column.codes]
    return Labels(classes, targets, targets, column.present)


def _as_one_number(values: Sequence[str]) -> list[str]:
    """Writes numbers that are the same in one way (0 and 0.0) where a column holds nothing but numbers."""
    if not all(_NUMBER.fullmatch(value) for value in values):
        return list(values)
    return [value.rstrip("0").rstrip(".") or "0" if "." in value else value for value in values]


def _sets(path: Path, name: str, column: Strings, separator: str | None, min_rows: int, keys: str) -> Labels:
    if not column.values:
        raise GraftError(f"{path}, column {name!r}: no row has a label.")
    sets = [_parted(value, separator) for value in column.values]
    classes = sorted(frozenset().union(*sets), key=_in_order)
    flags = np.array([*([each in labels for each in classes] for labels in sets), [False] * len(classes)], dtype=bool)
    counts = np.array([int(flags[column.codes, number].sum()) for number in range(len(classes))])
    if not (kept := np.flatnonzero(counts >= min_rows)).size:
        raise GraftError(f"{keys}.min_rows={min_rows}: no label of {path} is in as many rows.")
    if (least := counts[kept].min()) < _SPLITS:
        rare = sorted((int(counts[number]), classes[number]) for number in kept if counts[number] < _SPLITS)
        raise GraftError(
            f"{path}, column {name!r}: the label {rare[0][1]!r} is in {least} of {many(len(column), 'row')}"
            f" ({many(len(rare), 'label')} in fewer than {_SPLITS}); each split needs one. To leave them out:"
            f" {keys}.min_rows={_SPLITS}."
        )
    targets = flags[:, kept].astype(np.int64)[column.codes]
    # A sample without any label is a sample all the same.
    return Labels([classes[number] for number in kept], targets, rarest(targets), np.ones(len(column), dtype=bool))


def _flags(path: Path, columns: Mapping[str, Strings]) -> Labels:
    targets = np.zeros((_rows(columns), len(columns)), dtype=np.int64)
    faults = Faults(str(path))
    for position, (name, column) in enumerate(columns.items()):
        plain = [value.lower() for value in _as_one_number(column.values)]
        with faults.noted():
            _check_flags(path, name, column, [code for code, value in enumerate(plain) if value not in _TRUE | _FALSE])
        targets[:, position] = np.array([*(value in _TRUE for value in plain), False])[column.codes]
    faults.tell()
    return Labels(list(columns), targets, rarest(targets), _all_present(columns))


def _check_flags(path: Path, name: str, column: Strings, wrong: list[int]) -> None:
    if wrong:
        raise GraftError(
            f"{_found(path, name, column, wrong[0])} is neither 0 nor 1{_others(column, wrong)}. If it is a list of"
            " labels, say what stands between them: datamodule.columns.separator."
        )


def _values(path: Path, columns: Mapping[str, Strings]) -> Labels:
    targets = np.zeros((_rows(columns), len(columns)), dtype=np.float32)
    faults = Faults(str(path))
    for position, (name, column) in enumerate(columns.items()):
        numbers = [_as_number(value) for value in column.values]
        with faults.noted():
            _check_numbers(path, name, column, [code for code, number in enumerate(numbers) if number is None])
        targets[:, position] = np.array([*numbers, np.nan], dtype=np.float32)[column.codes]
    faults.tell()
    present = np.asarray(np.isfinite(targets).all(axis=1))
    targets[~present] = 0
    return Labels(list(columns), targets, _bins(targets[:, 0]), present)


def _check_numbers(path: Path, name: str, column: Strings, wrong: list[int]) -> None:
    if not wrong:
        return
    found = _found(path, name, column, wrong[0])
    comma = "," in column.values[wrong[0]]
    if len(wrong) == len(column.values) and not _DECIMAL_COMMA.fullmatch(column.values[wrong[0]]):
        raise GraftError(
            f"{found} is no number, and no other value of the column is: if they are classes, leave out"
            " task=regression."
        )
    hint = "write it with a decimal point and no comma" if comma else "correct it"
    raise GraftError(
        f"{found} is no number{_others(column, wrong)}: {hint}, or empty the cell and leave the row out,"
        " datamodule.bad_files=skip."
    )


def _found(path: Path, name: str, column: Strings, code: int) -> str:
    """Where a value stands first, and the value."""
    return f"{path}, {place(path, column.first(code))}, column {name!r}: {column.values[code]!r}"


def _others(column: Strings, wrong: list[int]) -> str:
    """Says which other values are wrong too."""
    if not (others := [repr(column.values[code]) for code in wrong[1:]]):
        return ""
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f" (nor {'is' if len(others) == 1 else 'are'} {', '.join(others[:_NAMED])}{more})"


def _as_number(value: str) -> float | None:
    try:
        return np.nan if value.lower() in _NO_VALUE else float(value)
    except ValueError:
        return None


def _rows(columns: Mapping[str, Strings]) -> int:
    return len(next(iter(columns.values())))


def _all_present(columns: Mapping[str, Strings]) -> NDArray[np.bool_]:
    present: NDArray[np.bool_] = np.all([column.present for column in columns.values()], axis=0)
    return present


def rarest(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each row's rarest label, -1 where it has none: to share those out evenly is what is hard.

    What fewer rows have than can be shared out counts as none.
    """
    counts = np.where(targets > 0, targets.sum(axis=0), len(targets) + 1)
    strata = np.where(targets.any(axis=1), counts.argmin(axis=1), -1)
    kinds, number, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    return np.where(sizes[number] > _SPLITS, kinds[number], kinds[sizes.argmax()])


def _bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Quantile bins, fewer where there are few rows: each split must have one of each."""
    count = max(1, min(_BINS, len(values) // 20))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])) if len(values) else np.empty(0)
    return np.searchsorted(edges, values, side="right")


def _parted(value: str, separator: str | None) -> frozenset[str]:
    """The labels in one cell: between separators, or of a list."""
    if separator is None:
        return frozenset(written(label) for label in json.loads(value) if label is not None)
    return frozenset(filter(None, (part.strip() for part in value.split(separator))))


def _in_order(name: str) -> tuple[int, float, str]:
    """Numbers by their value, before words."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
