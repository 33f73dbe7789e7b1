"""Which runs are meant: the folders of runs, in or below those that are named."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from graft.errors import ConfigError, GraftError, did_you_mean

_STATUS = "status.json"  # each run claims its folder with it


def run_folders(places: Iterable[str | Path]) -> tuple[list[Path], dict[Path, str]]:
    """Looks for runs.

    Args:
        places: Run folders, or folders with run folders at any depth; links below them are not followed.

    Returns:
        The folder of each run once, absolute, in the order of names, where numbers count as numbers; and, by folder,
        why others cannot be looked into.

    Raises:
        ConfigError: A place is no folder, or there is no run in it.
        GraftError: There is none, and some of it cannot be looked into.
    """
    found: dict[Path, None] = {}
    refused: dict[Path, str] = {}
    for place in places:
        root = Path(place).expanduser().resolve()
        if not root.is_dir():
            raise ConfigError(_missing(root))
        inside, closed = _below(root)
        if closed and not inside:
            folder, why = next(iter(closed.items()))
            raise GraftError(f"there is no run in {folder}: it cannot be read: {why}")
        if not inside:
            raise ConfigError(f"there is no run in {root}: no folder in it has a {_STATUS}.")
        found |= dict.fromkeys(inside)
        refused |= closed
    return list(found), refused


def _below(root: Path) -> tuple[list[Path], dict[Path, str]]:
    found = []
    refused: dict[Path, str] = {}

    def closed(error: OSError) -> None:
        refused[Path(error.filename)] = error.strerror or str(error)

    for folder, inner, files in os.walk(root, onerror=closed):
        if _STATUS in files:
            found.append(Path(folder))
            inner.clear()  # what is in a run's folder is its own
        inner.sort(key=_natural)
    return found, refused


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _missing(root: Path) -> str:
    if root.exists():
        return f"{root} is a file. Name the folder of a run, of a sweep, or one above them."
    beside = [entry.name for entry in root.parent.iterdir() if entry.is_dir()] if root.parent.is_dir() else []
    return f"there is no folder {root}.{did_you_mean(root.name, beside)}"
