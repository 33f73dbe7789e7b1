"""What lies in a folder of images: which class, and perhaps which split, each file belongs to."""

import logging
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from graft.errors import GraftError, did_you_mean

log = logging.getLogger(__name__)

SPLIT_OF = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


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


def scan(root: Path, suffixes: Collection[str]) -> list[Entry]:
    """Lists the files of a folder with class folders, or with train/, val/ and test/ above them.

    A folder named "train" beside other class folders is a class (trains). Hidden files and folders are
    passed over, and files with other suffixes, with a warning; links are followed.

    Args:
        root: the folder.
        suffixes: of the files to list, in lower case with the dot.

    Returns:
        The files, sorted by id: the same on every machine.

    Raises:
        GraftError: the root is missing, has no class folders or only one, a class folder holds no files
            of these suffixes, or another split has a class that train/ lacks.
    """
    splits = _split_folders(root, _folders(root))
    parents: list[tuple[Path, str | None]] = [(path, split) for split, path in splits.items()] or [(root, None)]
    if splits:
        _check_classes(splits)
    others: list[str] = []
    entries = sorted(entry for parent, split in parents for entry in _files(root, parent, split, suffixes, others))
    if others:
        log.warning(
            "%d files in %s are passed over, as their names end like none of %s: %s",
            *(len(others), root, " ".join(sorted(suffixes)), ", ".join(sorted(others)[:3]) + ", …" * (len(others) > 3)),
        )
    return entries


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


def _check_classes(splits: dict[str, Path]) -> None:
    """What another split lacks, `graft.data.splits.check_classes` warns of."""
    known = {folder.name for folder in _folders(splits["train"])}
    for path in splits.values():
        if unknown := {folder.name for folder in _folders(path)} - known:
            raise GraftError(
                f"{splits['train']} lacks the class folder {_quoted(unknown)}, which {path} has: no class can be told"
                " that was not learnt."
            )


def _files(root: Path, parent: Path, split: str | None, suffixes: Collection[str], others: list[str]) -> list[Entry]:
    """Returns the files of all class folders, and adds to `others` those with other suffixes."""
    folders = _folders(parent)
    if len(folders) < (1 if split in ("val", "test") else 2):
        has = f"only one class folder, {folders[0].name!r}" if folders else "no class folders"
        raise GraftError(
            f"{parent} holds {has}. It needs one folder per class, at least two: {parent}/<class>/<images>."
        )
    entries = []
    for folder in folders:
        paths = list(_walk(folder))
        found = [path.relative_to(root).as_posix() for path in paths if path.suffix.lower() in suffixes]
        others += [path.relative_to(root).as_posix() for path in paths if path.suffix.lower() not in suffixes]
        if not found:
            kinds = " ".join(sorted(suffix.removeprefix(".") for suffix in suffixes))
            raise GraftError(f"The class folder {folder} holds no images ({kinds}): add some, or remove it.")
        entries += [Entry(name, split, folder.name) for name in found]
    return entries


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


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
