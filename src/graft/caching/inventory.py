"""What is kept of texts: sizes, whether it is whole, and what nobody has used for long."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from graft.caching.folders import CHECKSUMS, damage, remove, remove_damaged, root_of

KINDS = ("texts", "tokens")

_UNFINISHED = timedelta(days=1)  # after which no process will finish a hidden folder


@dataclass(frozen=True)
class Kept:
    """A folder with what is kept, or a file of an older version.

    Attributes:
        path: Its name is that of the key.
        size: In bytes.
        used: When a run last opened it.
    """

    path: Path
    size: int
    used: datetime


def kept(kind: str) -> list[Kept]:
    """Returns all of a kind."""
    return [_kept(path) for path in sorted(_paths(kind)) if not path.name.startswith(".")]


def _paths(kind: str) -> Iterator[Path]:
    with suppress(OSError):
        yield from root_of(kind).iterdir()


def _kept(path: Path) -> Kept:
    used, size = 0.0, 0
    for each in (path, *path.glob("*")):
        with suppress(OSError):  # removed by another process just now
            found = each.stat()
            size += 0 if each == path and each.is_dir() else found.st_size
            used = found.st_mtime if each in (path, path / CHECKSUMS) else used
    return Kept(path, size, datetime.fromtimestamp(used, UTC))


def unused_for(found: list[Kept], days: float) -> list[Kept]:
    """Returns those that no run has opened for so many days."""
    return [each for each in found if datetime.now(UTC) - each.used >= timedelta(days=days)]


def prune(kind: str, chosen: list[Kept]) -> int:
    """Removes what was chosen and what killed processes have left of its kind; returns how many bytes that freed."""
    hidden = [_kept(path) for path in _paths(kind) if path.name.startswith(".") and path.is_dir()]
    freed = 0
    for each in (*chosen, *(each for each in hidden if datetime.now(UTC) - each.used >= _UNFINISHED)):
        with suppress(OSError):
            remove(each.path)
            freed += each.size
    return freed


def verified(each: Kept) -> str:
    """Reads all of it and returns what it is, in a few words; what is damaged is removed."""
    if not (each.path / CHECKSUMS).is_file():
        return "of an older version, which nothing opens"
    try:
        if damage(each.path) is None:
            return "whole"
    except OSError:  # of the disk or the network: what is there may be whole
        return "not to be read"
    remove_damaged(each.path)
    return "damaged, not to be removed" if each.path.exists() else "damaged and removed"
