"""A folder of one's own images."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.data import images
from graft.data.checks import settle, sort_out
from graft.data.datamodule import DataModule
from graft.data.faults import Faults
from graft.data.folders import scan, warn_of_listing
from graft.data.settings import Settings
from graft.data.splits import SPLITS
from graft.data.table import BadFile, Rows, Table
from graft.errors import ConfigError, GraftError, many


class ImageFolder(DataModule):
    """Images in `root/<class>/…`, or in `root/{train,val,test}/<class>/…`.

    Folders below a class folder are searched too. Validation (also valid/, validation/) and test images are
    taken from the others by `split` where they have no folder. Classes are the sorted names of their folders.
    `split` has a further entry "group": a regular expression on the path below the root; images in whose path
    its first (…) matches the same text stay in one split.
    """

    holds = Tensor

    def __init__(self, *, root: str | Path, **settings: Unpack[Settings]) -> None:
        """Takes the folder and `Settings`; reads nothing yet.

        Raises:
            ConfigError: a value is out of its range, or "group" is no regular expression with a (…).
        """
        super().__init__(**settings)
        self.root = Path(root).expanduser()
        self.group = _compile(settings["split"].get("group"))

    def look(self) -> None:
        """Lists the images; where that finds a fault, `read` tells it, with those of the images.

        Raises:
            GraftError: see `read`.
        """
        faults = Faults(str(self.root))
        with faults.noted():
            scan(self.root, images.SUFFIXES, faults, self.bad_files)
        if faults:
            self.read()

    def read(self) -> Table:
        """Lists the images and decodes each once.

        Raises:
            GraftError: tells all that is wrong with the folders, the images and the groups in their paths.
        """
        faults = Faults(str(self.root))
        listing = scan(self.root, images.SUFFIXES, faults, self.bad_files)
        warn_of_listing(self.root, listing, images.SUFFIXES)
        entries = listing.entries
        sifted = sort_out(self.root, [entry.id for entry in entries], images.examine)
        with faults.noted():
            settle(sifted.bad, len(entries), str(self.root), self.bad_files)
        classes = sorted({entry.label for entry in entries})
        entries = [entries[row] for row in sifted.rows]
        targets = np.array([classes.index(entry.label) for entry in entries], dtype=np.int64)
        ids = [entry.id for entry in entries]
        with faults.noted():
            _check_left(targets, classes, sifted.bad)
        groups = None
        with faults.noted():
            groups = None if self.group is None else _groups(self.group, ids)
        faults.tell()
        given = {split: np.array([entry.split == split for entry in entries]) for split in SPLITS}
        return Table(
            ids=ids,
            classes=classes,
            targets=targets,
            load=images.ImageFiles(self.root, ids),
            strata=targets,
            groups=groups,
            given={split: np.flatnonzero(mask) for split, mask in given.items() if mask.any()},
            skipped=[*listing.left_out, *sifted.bad],
            **images.columns(sifted.facts),
        )


def _check_left(targets: Rows, classes: Sequence[str], bad: Sequence[BadFile]) -> None:
    counts = np.bincount(targets, minlength=len(classes))
    if lost := [name for name, count in zip(classes, counts, strict=True) if not count]:
        told = f"class {lost[0]!r}" if len(lost) == 1 else f"{len(lost)} classes, such as {lost[0]!r},"
        raise GraftError(
            f"No image of {told} can be read ({many(len(bad), 'bad file')}): repair some, or remove the folder."
        )


def _groups(pattern: re.Pattern[str], ids: list[str]) -> NDArray[np.str_]:
    matches = [pattern.search(name) for name in ids]
    groups = [match.group(1) if match else None for match in matches]
    if without := [name for name, group in zip(ids, groups, strict=True) if group is None]:
        raise GraftError(
            f"datamodule.split.group={pattern.pattern} finds no group in {len(without)} of {many(len(ids), 'path')}, "
            f"e.g. in {without[0]!r}."
        )
    return np.array(groups)


def _compile(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"datamodule.split.group={pattern} is no regular expression: {error}.") from error
    if not compiled.groups:
        raise ConfigError(
            f"datamodule.split.group={pattern} has no (…): put the part that names the group in parentheses, "
            "e.g. (patient\\d+)."
        )
    return compiled
