"""What lies in a folder of images: which class, and perhaps which split, each file belongs to."""

import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from graft.data import images
from graft.data.faults import Faults
from graft.data.table import BadFile
from graft.errors import GraftError, did_you_mean, many

log = logging.getLogger(__name__)

SPLIT_OF = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_NAMED = 5  # folders to name in a message


class Entry(NamedTuple):
    """A file of a known class.

    Attributes:
        id: path below the root with "/" between its parts.
        split: "train" | "val" | "test"; None where the folders name no splits.
        label: name of the class.
    """

    id: str
    split: str | None
    label: str


class Listing(NamedTuple):
    """What lies in a folder.

    Attributes:
        entries: sorted by id, the same on every machine.
        others: ids of files with other suffixes.
        left_out: class folders in which there is nothing.
    """

    entries: list[Entry]
    others: list[str]
    left_out: list[BadFile]


class _ClassFolder(NamedTuple):
    """A class folder, with the ids of the files of the wanted kinds in it, and of the others."""

    path: Path
    files: list[str]
    others: list[str]


def scan(root: Path, suffixes: Collection[str], faults: Faults, bad_files: str = "error") -> Listing:
    """Lists the files of a folder with class folders, or with train/, val/ and test/ above them.

    A folder named "train" beside other class folders is a class (trains). Hidden files and folders are
    passed over; links are followed.

    Args:
        root: the folder.
        suffixes: of the files to list, in lower case with the dot.
        faults: takes what does not keep the rest from being listed: there are no class folders or only one, class
            folders hold no files of these suffixes, another split has a class that train/ lacks.
        bad_files: "error" | "skip": class folders in which there is nothing are left out. Those that hold other files
            only are a fault all the same: they were to be a class.

    Raises:
        GraftError: the root is missing, or it is not clear which of its folders are splits.
    """
    splits = _split_folders(root, _folders(root))
    parents: list[tuple[Path, str | None]] = [(path, split) for split, path in splits.items()] or [(root, None)]
    found = {parent: [_class_folder(root, path, suffixes) for path in _folders(parent)] for parent, _ in parents}
    every = [folder for folders in found.values() for folder in folders]
    empty = [folder for folder in every if bad_files == "skip" and not folder.files and not folder.others]
    found = {parent: [folder for folder in folders if folder not in empty] for parent, folders in found.items()}
    for parent, split in parents:
        with faults.noted():
            _check_number(parent, found[parent], split)
    with faults.noted():
        _check_filled([folder for folders in found.values() for folder in folders], suffixes)
    for path in splits.values():
        with faults.noted():
            _check_classes(splits["train"], path, found)
    entries = [
        Entry(name, split, folder.path.name)
        for parent, split in parents
        for folder in found[parent]
        for name in folder.files
    ]
    others = sorted(name for folder in every for name in folder.others)
    left_out = [BadFile(f"{folder.path.relative_to(root).as_posix()}/", "an empty folder") for folder in empty]
    return Listing(sorted(entries), others, left_out)


def warn_of_listing(root: Path, listing: Listing, suffixes: Collection[str]) -> None:
    """Says which files with other suffixes are passed over, and which folders are left out."""
    if others := listing.others:
        log.warning(
            "passing over %s in %s, of none of the kinds %s: %s%s",
            *(
                many(len(others), "file"),
                root,
                " ".join(sorted(suffixes)),
                ", ".join(others[:3]) + ", …" * (len(others) > 3),
                _conversion(others),
            ),
        )
    if empty := [folder.id for folder in listing.left_out]:
        log.warning(
            "making no class of %s in %s (datamodule.bad_files=skip): %s",
            *(many(len(empty), "empty folder"), root, _first(empty)),
        )


def _split_folders(root: Path, folders: list[Path]) -> dict[str, Path]:
    """Returns the folders of the splits; empty where the folders are classes."""
    named = [folder for folder in folders if folder.name.lower() in SPLIT_OF]
    found = {SPLIT_OF[folder.name.lower()]: folder for folder in named}
    others = [folder for folder in folders if folder not in named]
    if not named or (others and not (len(found) > 1 and "train" in found)):
        return {}  # with others beside it, a single train/ or test/ is a class of that name
    if others:
        raise GraftError(
            f"{root} holds folders of splits ({_names(named)}) and others ({_names(others)}). Move the "
            "others away; or if all of them are classes, rename those named like splits."
        )
    if "train" not in found:
        raise GraftError(f"{root} holds {_names(named)} but no train/ folder to learn from.")
    if len(named) > len(found):
        raise GraftError(f"{root} holds several folders for one split: {_names(named)}. Keep one of them.")
    return found


def _class_folder(root: Path, path: Path, suffixes: Collection[str]) -> _ClassFolder:
    paths = list(_walk(path))
    found = [each.relative_to(root).as_posix() for each in paths if each.suffix.lower() in suffixes]
    others = [each.relative_to(root).as_posix() for each in paths if each.suffix.lower() not in suffixes]
    return _ClassFolder(path, found, others)


def _check_number(parent: Path, folders: Sequence[_ClassFolder], split: str | None) -> None:
    if len(folders) < (1 if split in ("val", "test") else 2):
        has = f"only one class folder, {folders[0].path.name!r}" if folders else "no class folders"
        raise GraftError(
            f"{parent} holds {has}. It needs one folder per class, at least two: {parent}/<class>/<images>."
        )


def _check_filled(folders: Sequence[_ClassFolder], suffixes: Collection[str]) -> None:
    unfilled = [folder for folder in folders if not folder.files]
    if not unfilled:
        return
    kinds = " ".join(sorted(suffix.removeprefix(".") for suffix in suffixes))
    others = [name for folder in unfilled for name in folder.others]
    but = f", but {many(len(others), 'other file')} such as {others[0]}" if others else ""
    remedy = f"remove it{_conversion(others)}" if others else "remove it, or leave it out: datamodule.bad_files=skip"
    if len(unfilled) == 1:
        raise GraftError(f"The class folder {unfilled[0].path} holds no images ({kinds}){but}: add some, or {remedy}.")
    named = _first([str(folder.path) for folder in unfilled])
    raise GraftError(
        f"{len(unfilled)} class folders hold no images ({kinds}){but}: {named}. Add some to each, or {remedy}."
    )


def _conversion(names: Iterable[str]) -> str:
    return images.conversion(Path(name).suffix for name in names)


def _check_classes(train: Path, other: Path, found: Mapping[Path, Sequence[_ClassFolder]]) -> None:
    """What another split lacks, `graft.data.splits.check_classes` warns of."""
    known, there = ({folder.path.name for folder in found[path]} for path in (train, other))
    if unknown := sorted(map(repr, there - known)):
        empty = " An empty folder is none." if any((train / name).is_dir() for name in there - known) else ""
        raise GraftError(
            f"{train} lacks the class folder{'s' * (len(unknown) > 1)} {_first(unknown)}, which {other} has: no class"
            f" can be told that was not learnt.{empty}"
        )


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        what = "is a file, not a folder" if parent.exists() else "does not exist"
        beside = [path.name for path in parent.parent.iterdir() if path.is_dir()] if parent.parent.is_dir() else []
        raise GraftError(
            f"datamodule.root={parent} {what} (looked for {parent.absolute()}).{did_you_mean(parent.name, beside)}"
        )
    return sorted(path for path in parent.iterdir() if path.is_dir() and _visible(path.name))


def _walk(folder: Path) -> Iterable[Path]:
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = filter(_visible, folders)
        yield from (Path(parent, name) for name in files if _visible(name))


def _visible(name: str) -> bool:
    return not name.startswith((".", "__MACOSX"))


def _names(folders: Iterable[Path]) -> str:
    return ", ".join(f"{folder.name}/" for folder in folders)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
