"""What lies in the folder of all stores: sizes, whether it is whole, and what nobody has used for long."""

import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from safetensors import SafetensorError, safe_open

from graft.features.key import Key
from graft.features.parts import PARTS, read_parts
from graft.features.store import DESCRIPTION, left_over

_PRUNED = ".pruned"
_NAME = re.compile("[0-9a-f]{32}")  # of a store's folder, see `name_of`


@dataclass(frozen=True)
class Entry:
    """A store on the disk.

    Attributes:
        folder: Its name is that of the key.
        key: What its features depend on; empty where that cannot be read.
        samples: How many it holds.
        size: In bytes.
        used: When a run last looked into it.
    """

    folder: Path
    key: Key
    samples: int
    size: int
    used: datetime


def entries(root: Path) -> list[Entry]:
    """Returns all stores, the one used last first; whatever else lies in the folder is not ours."""
    found = [_entry(folder) for folder in root.glob("*") if _is_store(folder)]
    return sorted(found, key=lambda entry: entry.used, reverse=True)


def _is_store(folder: Path) -> bool:
    if not _NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
        return False
    return (folder / DESCRIPTION).is_file() or any(folder.glob(PARTS))


def _entry(folder: Path) -> Entry:
    key: Key = {}
    used = folder.stat().st_mtime
    with suppress(OSError, ValueError):
        used = (folder / DESCRIPTION).stat().st_mtime
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        key = told if isinstance(told, dict) and all(isinstance(value, str) for value in told.values()) else {}
    samples = sum(_samples(path) for path in folder.glob(PARTS))
    size = sum(map(_size, folder.glob("*")))
    return Entry(folder, key, samples, size, datetime.fromtimestamp(used, UTC))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a process that uses the store has just finished or removed it
        return 0


def _samples(path: Path) -> int:
    try:
        with safe_open(path, "pt") as file:
            return int(file.get_slice("samples").get_shape()[0])
    except (OSError, SafetensorError):
        return 0


def damaged(entry: Entry) -> int:
    """Reads all parts of a store, removes those that are not whole, and returns how many they were."""
    paths = list(entry.folder.glob(PARTS))
    read_parts(entry.folder)
    return sum(not path.exists() for path in paths)


def prune(root: Path, chosen: list[Entry]) -> int:
    """Removes stores and what killed processes left in the others; returns how many bytes that freed.

    A run that is using a store goes on: what it has mapped stays until it ends, what it computes it keeps in memory.
    """
    freed = 0
    for entry in chosen:
        entry.folder.rename(root / f".{entry.folder.name}.{uuid4().hex}{_PRUNED}")  # at once: no run finds half of it
        freed += entry.size
    for gone in root.glob(f".*{_PRUNED}"):  # also what a killed `graft cache prune` has left
        if _NAME.fullmatch(gone.name.split(".")[1]):
            shutil.rmtree(gone, ignore_errors=True)
    for path in [path for entry in entries(root) for path in left_over(entry.folder)]:
        with suppress(OSError):
            freed += path.stat().st_size
            path.unlink()
    return freed


def unused_for(found: list[Entry], days: float) -> list[Entry]:
    """Returns the stores into which no run has looked for so many days."""
    return [entry for entry in found if datetime.now(UTC) - entry.used >= timedelta(days=days)]
