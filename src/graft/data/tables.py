"""One's own table file: each row a text or the path of an image, with labels, and perhaps splits and groups."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.data import images
from graft.data.checks import NAMED, examine_files, settle
from graft.data.columns import read_strings, store_texts
from graft.data.datamodule import DataModule
from graft.data.faults import Faults
from graft.data.folders import SPLIT_OF
from graft.data.formats import check_columns
from graft.data.labels import Labels, read_labels
from graft.data.lines import place, places
from graft.data.settings import Settings
from graft.data.splits import SPLITS
from graft.data.strings import Strings
from graft.data.table import BadFile, Named, Picked, RowNumbers, Rows, Table
from graft.errors import ConfigError, GraftError, many

_QUICK = 1 << 28  # bytes of a file that is read in a second or two

Bad = dict[int, str]
"""Why rows cannot be used, by their number from 0 on."""


class Columns(TypedDict):
    """Which column is what.

    Attributes:
        sample: of the texts or the paths.
        labels: of the targets; a single one may be given by its name alone.
        separator: between several labels in one column; None: a column of 0 and 1 for each, or of lists.
        min_rows: of several labels in one column, those that fewer rows have are left out; 1 where it is absent.
        split: of train, val and test; None: split by shares.
        group: of what must stay in one split; None: every row for itself.
        facets: by which scores are broken down.
    """

    sample: str
    labels: str | Sequence[str]
    separator: str | None
    min_rows: NotRequired[int]
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

    def look(self) -> None:
        """Looks for the columns and, where the file is not large, at all but the samples; `read` tells of all faults.

        Raises:
            GraftError: see `read`.
        """
        self._check()
        if self.path.stat().st_size > _QUICK:
            return
        read, faults = self._read(), Faults(str(self.path))
        labels = self._labels(read, faults)
        self._placed(read, np.arange(len(read[self.labels[0]])), faults)
        if faults or (labels is not None and self.bad_files == "error" and not labels.present.all()):
            self.read()

    def _others(self) -> list[str]:
        columns = self.columns
        return [name for name in (columns["split"], columns["group"], *columns["facets"]) if name is not None]

    def _check(self) -> None:
        """Looks for the columns."""
        remedy = " Say which hold the samples and the labels: datamodule.columns.sample, datamodule.columns.labels."
        check_columns(self.path, [self.columns["sample"], *self.labels, *self._others()], remedy)
        if not self.labels:
            raise ConfigError("datamodule.columns.labels=[]: name at least one column.")

    def _read(self) -> dict[str, Strings]:
        """Reads all columns but the samples'."""
        self._check()
        read = read_strings(self.path, list(dict.fromkeys([*self.labels, *self._others()])))
        if not len(read[self.labels[0]]):
            raise GraftError(f"{self.path} has no rows below its header.")
        return read

    def _named(self, ids: Sequence[str], rows: Sequence[int]) -> list[str]:
        """Returns how rows are named in messages: with the lines that an editor shows."""
        own = ["" if isinstance(ids, RowNumbers) else ids[row] for row in rows]
        return [f"{line}, {name}" if name else line for line, name in zip(places(self.path, rows), own, strict=True)]

    def _labels(self, read: dict[str, Strings], faults: Faults) -> Labels | None:
        separator, least = self.columns["separator"], self.columns.get("min_rows", 1)
        targets = {name: read[name] for name in self.labels}
        with faults.noted():
            return read_labels(self.path, targets, self.kind, separator=separator, min_rows=least)
        return None

    def _placed(
        self, read: dict[str, Strings], rows: Rows, faults: Faults
    ) -> tuple[NDArray[np.object_] | None, dict[str, Rows]]:
        """Returns the groups of rows, and the splits that the file prescribes."""
        split, group = self.columns["split"], self.columns["group"]
        groups, given = None, {}
        with faults.noted():
            groups = None if group is None else _groups(self.path, group, read[group], rows)
        with faults.noted():
            given = {} if split is None else _given(self.path, split, read[split], rows)
        return groups, given

    def _table(
        self,
        read: dict[str, Strings],
        load: Callable[[int], Any],
        ids: Sequence[str],
        bad: Bad,
        faults: Faults,
    ) -> Table:
        """Joins what the columns say; `bad` is, by row, why a sample cannot be used. Tells of all faults."""
        labels = self._labels(read, faults)
        if labels is not None:
            without = f"no value in {', '.join(self.labels)}"
            bad = dict.fromkeys(np.flatnonzero(~labels.present).tolist(), without) | bad
        skipped = [BadFile(ids[row] or f"row {row + 1}", bad[row]) for row in sorted(bad)]
        with faults.noted():
            settle(skipped, len(ids), str(self.path), self.bad_files, self._named(ids, sorted(bad)[:NAMED]))
        good = np.setdiff1d(np.arange(len(ids)), np.array(list(bad), dtype=np.int64))
        groups, given = self._placed(read, good, faults)
        faults.tell()
        assert labels is not None
        kept = labels.targets[good]
        return Table(
            ids=Named(ids, good),
            classes=labels.classes,
            targets=kept,
            load=Picked(load, good),
            strata=kept if labels.strata is labels.targets else labels.strata[good],
            groups=groups,
            facets={name: read[name].array()[good] for name in self.columns["facets"]},
            given=given,
            skipped=skipped,
            kind=self.kind,
        )


class TextTable(_TableFile):
    """Texts in a column; a row is known by its number, the first below the header being 1."""

    holds = str

    def read(self) -> Table:
        """Reads the labels into memory and copies the texts into the cache.

        Raises:
            GraftError: see `graft.data.columns` and `graft.data.labels`; or texts are empty.
        """
        read = self._read()
        texts, lengths = store_texts(self.path, self.columns["sample"])
        empty = dict.fromkeys(np.flatnonzero(lengths == 0).tolist(), "the text is empty")
        table = self._table(read, texts, RowNumbers(len(lengths)), empty, Faults(str(self.path)))
        assert isinstance(table.load, Picked)
        return replace(table, lengths=lengths[table.load.rows], digests=texts.digests[table.load.rows])


class ImageTable(_TableFile):
    """Paths of images in a column, relative to the folder of the table where they are not absolute."""

    holds = Tensor

    def read(self) -> Table:
        """Reads the table and decodes each image once.

        Raises:
            GraftError: see `graft.data.columns`, `graft.data.labels`, `graft.data.checks`; or an image is named twice.
        """
        read = self._read()
        name = self.columns["sample"]
        paths = [value or "" for value in read_strings(self.path, [name])[name]]
        faults = Faults(str(self.path))
        with faults.noted():
            _check_once(self.path, paths)
        facts = examine_files(self.path.parent, paths, images.examine)
        bad = {
            row: found if paths[row] else f"no path in {name}"
            for row, found in enumerate(facts)
            if isinstance(found, str)
        }
        table = self._table(read, images.ImageFiles(self.path.parent, paths), paths, bad, faults)
        assert isinstance(table.load, Picked)
        return replace(table, **images.columns([facts[row] for row in table.load.rows]))


def _check_once(path: Path, names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    again = [(row, name) for row, name in enumerate(names) if name and first.setdefault(name, row) != row]
    if again:
        row, name = again[0]
        more = f" The same goes for {many(len(again) - 1, 'more row')}." if len(again) > 1 else ""
        lines = " and ".join(places(path, [first[name], row]))
        raise GraftError(f"{path}: {lines} both name {name}; keep one of them.{more}")


def _groups(path: Path, column: str, values: Strings, rows: Rows) -> NDArray[np.object_]:
    if len(without := np.flatnonzero(~values.present[rows])):
        more = f", nor in {many(len(without) - 1, 'more row')}" if len(without) > 1 else ""
        raise GraftError(f"{path}, {place(path, int(rows[without[0]]))}, column {column!r}: there is no group{more}.")
    return values.array()[rows]


def _given(path: Path, column: str, values: Strings, rows: Rows) -> dict[str, Rows]:
    of_value = [SPLIT_OF.get(value.lower()) for value in (*values.values, "")]
    codes = values.codes[rows]
    if wrong := [code for code in np.unique(codes).tolist() if of_value[code] is None]:
        line = place(path, int(rows[np.flatnonzero(codes == wrong[0])[0]]))
        found = [repr(values.values[code]) if code >= 0 else "an empty cell" for code in wrong]
        others = f" (likewise {many(len(found) - 1, 'other value')})" if len(found) > 1 else ""
        raise GraftError(
            f"{path}, {line}, column {column!r}: {found[0]} is no split{others}; choose of {', '.join(SPLIT_OF)}."
        )
    given = {name: np.flatnonzero(np.array([each == name for each in of_value])[codes]) for name in SPLITS}
    if not len(given["train"]):
        raise GraftError(f"{path}, column {column!r}: no row is of train.")
    return {name: found for name, found in given.items() if len(found)}
