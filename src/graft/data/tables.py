"""One's own table file: each row a text or the path of an image, with labels, and perhaps splits and groups."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from graft.data import images
from graft.data.checks import examine_files, settle
from graft.data.columns import check_columns, read_strings, store_texts
from graft.data.datamodule import DataModule, Settings
from graft.data.folders import SPLIT_OF
from graft.data.labels import Strings, read_labels
from graft.data.splits import SPLITS
from graft.data.table import BadFile, Picked, Rows, Table
from graft.data.texts import digests
from graft.errors import GraftError


class Columns(TypedDict):
    """Which column is what.

    Attributes:
        sample: of the texts or the paths.
        labels: of the targets; a single one may be given by its name alone.
        separator: between several labels in one column; None: each label has a column of 0 and 1.
        split: of train, val and test; None: split by shares.
        group: of what must stay in one split; None: every row for itself.
        facets: by which scores are broken down.
    """

    sample: str
    labels: str | Sequence[str]
    separator: str | None
    split: str | None
    group: str | None
    facets: Sequence[str]


class _TableFile(DataModule):
    """What is the same for texts and images.

    Args:
        path: of the CSV, TSV, JSON lines or Parquet file.
        columns: which is what.
        settings: see `Settings`.
    """

    def __init__(self, *, path: str | Path, columns: Columns, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self.path = Path(path).expanduser()
        self.columns = columns
        labels = columns["labels"]
        self.labels = [labels] if isinstance(labels, str) else list(labels)

    def _read(self) -> dict[str, Strings]:
        """Reads all columns but the samples'."""
        columns = self.columns
        others = [name for name in (columns["split"], columns["group"], *columns["facets"]) if name is not None]
        check_columns(self.path, [columns["sample"], *self.labels, *others])
        read = read_strings(self.path, list(dict.fromkeys([*self.labels, *others])))
        if not self.labels or not len(read[self.labels[0]]):
            raise GraftError(f"{self.path} has no rows below its header, or datamodule.columns.labels names no column.")
        return read

    def _table(self, read: dict[str, Strings], load: Callable[[int], Any], ids: list[str], bad: list[BadFile]) -> Table:
        columns = self.columns
        labels = read_labels(self.path, {name: read[name] for name in self.labels}, self.kind, columns["separator"])
        without = f"no value in {', '.join(self.labels)}"
        bad = [*bad, *(BadFile(ids[row], without) for row in np.flatnonzero(~labels.present))]
        settle(bad, len(ids), str(self.path), self.bad_files)
        names = {file.id for file in bad}
        good = np.array([row for row, name in enumerate(ids) if name not in names], dtype=np.int64)
        split, group = columns["split"], columns["group"]
        return Table(
            ids=[ids[row] for row in good],
            classes=labels.classes,
            targets=labels.targets[good],
            load=Picked(load, good),
            strata=labels.strata[good],
            groups=None if group is None else _groups(self.path, group, read[group], good),
            facets={name: np.array([value or "" for value in read[name][good]]) for name in columns["facets"]},
            given={} if split is None else _given(self.path, split, read[split], good),
            skipped=bad,
            kind=self.kind,
        )


class TextTable(_TableFile):
    """Texts in a column; a row is known by its number, the first below the header being 1."""

    def read(self) -> Table:
        """Reads the labels into memory and copies the texts into the cache.

        Raises:
            GraftError: see `graft.data.columns` and `graft.data.labels`; or texts are empty.
        """
        read = self._read()
        texts, lengths = store_texts(self.path, self.columns["sample"])
        ids = [str(number) for number in range(1, len(lengths) + 1)]
        empty = [BadFile(ids[row], "the text is empty") for row in np.flatnonzero(lengths == 0)]
        table = self._table(read, texts, ids, empty)
        kept = np.array([int(name) - 1 for name in table.ids], dtype=np.int64)
        return replace(table, lengths=lengths[kept], digests=digests(table.load, len(kept)))


class ImageTable(_TableFile):
    """Paths of images in a column, relative to the folder of the table where they are not absolute."""

    def read(self) -> Table:
        """Reads the table and decodes each image once.

        Raises:
            GraftError: see `graft.data.columns`, `graft.data.labels`, `graft.data.checks`; or an image is named twice.
        """
        read = self._read()
        name = self.columns["sample"]
        paths = [value or "" for value in read_strings(self.path, [name])[name]]
        _check_once(self.path, paths)
        facts = examine_files(self.path.parent, paths, images.examine)
        bad = [BadFile(name, found) for name, found in zip(paths, facts, strict=True) if isinstance(found, str)]
        table = self._table(read, images.ImageFiles(self.path.parent, paths), paths, bad)
        found = dict(zip(paths, facts, strict=True))
        return replace(table, **images.columns([found[name] for name in table.ids]))


def _check_once(path: Path, names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        if name and first.setdefault(name, row) != row:
            raise GraftError(f"{path}: rows {first[name] + 1} and {row + 1} both name {name}; keep one of them.")


def _groups(path: Path, column: str, values: Strings, rows: Rows) -> NDArray[np.str_]:
    for row in rows:
        if values[row] is None:
            raise GraftError(f"{path}, row {row + 1}, column {column!r}: there is no group.")
    return values[rows].astype(str)


def _given(path: Path, column: str, values: Strings, rows: Rows) -> dict[str, Rows]:
    splits = []
    for row in rows:
        if (split := SPLIT_OF.get((values[row] or "").lower())) is None:
            choices = ", ".join(SPLIT_OF)
            raise GraftError(
                f"{path}, row {row + 1}, column {column!r}: {values[row]!r} is no split; choose of {choices}."
            )
        splits.append(split)
    given = {name: np.flatnonzero(np.array(splits) == name) for name in SPLITS}
    if not len(given["train"]):
        raise GraftError(f"{path}, column {column!r}: no row is of train.")
    return {name: found for name, found in given.items() if len(found)}
