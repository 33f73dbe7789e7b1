"""Which runs are meant: the folders of runs, in or below those that are named."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from graft.errors import ConfigError, GraftError, did_you_mean

_STATUS = "status.json"  # each run claims its folder with it


def run_folders(places: Iterable[str | Path]) -> list[Path]:
    """Returns the folder of each run once, absolute, in the order of names; numbers in them count as numbers.

    Args:
        places: Run folders, or folders with run folders at any depth; links below them are not followed.

    Raises:
        ConfigError: A place is no folder, or there is no run in it.
        GraftError: A folder may not be read.
    """
    found: dict[Path, None] = {}
    for place in places:
        root = Path(place).expanduser().resolve()
        if not root.is_dir():
            raise ConfigError(_missing(root))
        inside = _below(root)
        if not inside:
            raise ConfigError(f"there is no run in {root}: no folder in it has a {_STATUS}.")
        found |= dict.fromkeys(inside)
    return list(found)


def _below(root: Path) -> list[Path]:
    found = []
    for folder, inner, files in os.walk(root, onerror=_refused):
        if _STATUS in files:
            found.append(Path(folder))
            inner.clear()  # what is in a run's folder is its own
        inner.sort(key=_natural)
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _missing(root: Path) -> str:
    if root.exists():
        return f"{root} is a file. Name the folder of a run, of a sweep, or one above them."
    beside = [entry.name for entry in root.parent.iterdir() if entry.is_dir()] if root.parent.is_dir() else []
    return f"there is no folder {root}.{did_you_mean(root.name, beside)}"


def _refused(error: OSError) -> NoReturn:
    raise GraftError(f"{error.filename} cannot be read: {error.strerror}") from error
