"""A folder that is made once for all runs: it appears when it is whole, and is checked whenever it is opened."""

import atexit
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

from filelock import FileLock

from graft.errors import GraftError

log = logging.getLogger(__name__)

CHECKSUMS = "checksums.json"
"""By the name of each other file in a folder, its SHA-256; the file's time is when a run last opened the folder."""

_LOCK = ".lock"
_PATIENCE = 60  # seconds, in which any process has read the folder that it wants to remove
_elsewhere: dict[Path, Path] = {}  # by the folder that cannot be kept, the one that this process has for it


def root_of(kind: str) -> Path:
    """Returns where all folders of a kind lie, such as `tokens`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft" / kind


def opened(kind: str, key: str, holds: str, write: Callable[[Path], None]) -> Path:
    """Returns the folder of a key, with the files that were written; makes it where there is none, or a damaged one.

    Where the cache cannot be written, it lies in a temporary folder that is removed when the process ends.

    Args:
        kind: Of what it holds, such as `tokens`.
        key: Of all that its content depends on.
        holds: The same in words, as a sentence begins: "The tokens".
        write: Writes the files into an empty folder.

    Raises:
        GraftError: There is no place for it at all.
    """
    folder = root_of(kind) / key
    if folder in _elsewhere and damage(_elsewhere[folder]) is None:
        return _elsewhere[folder]
    try:
        return _kept(folder, write)
    except OSError as error:
        reason = error.strerror or error
    try:
        _elsewhere[folder] = _made(_temporary() / kind / f"{key}-{uuid4().hex}", write)
    except OSError as error:
        raise GraftError(
            f"{holds} cannot be kept in {folder.parent} ({reason}), nor in a temporary folder"
            f" ({error.strerror or error}). Make room, or set the environment variables XDG_CACHE_HOME and TMPDIR to"
            " other folders."
        ) from error
    log.warning(
        "%s cannot be kept in %s (%s): they are in a temporary folder for this run; set the environment variable"
        " XDG_CACHE_HOME to another folder.",
        *(holds, folder.parent, reason),
    )
    return _elsewhere[folder]


def _kept(folder: Path, write: Callable[[Path], None]) -> Path:
    if folder.exists():
        found = damage(folder)
        if found is None:
            with suppress(OSError):  # others' folders are of use too
                os.utime(folder / CHECKSUMS)
            return folder
        log.warning("%s is damaged (%s); what it held is made again.", folder, found)
        remove_damaged(folder)
    return _made(folder, write)


def damage(folder: Path) -> str | None:
    """Returns what is wrong with the files of a folder; None: they are as they were written.

    Raises:
        OSError: It cannot be read.
    """
    try:
        wanted = json.loads((folder / CHECKSUMS).read_bytes())
        there = _checksums(folder)
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except ValueError:
        return f"{CHECKSUMS} cannot be read"
    if not isinstance(wanted, dict):
        return f"{CHECKSUMS} holds no checksums"
    wrong = sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))
    return f"the checksum of {', '.join(wrong)} is wrong" if wrong else None


def _checksums(folder: Path) -> dict[str, str]:
    """Of all files but the one that they are kept in, and those that file systems and browsers of files hide there."""
    paths = (path for path in folder.iterdir() if path.name != CHECKSUMS and not path.name.startswith("."))
    return {path.name: _checksum(path) for path in paths}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_damaged(folder: Path) -> None:
    """Removes a folder, unless another process has put a whole one in its place meanwhile."""
    with suppress(OSError), FileLock(folder.parent / _LOCK, timeout=_PATIENCE):
        if damage(folder) is not None:
            remove(folder)


def remove(path: Path) -> None:
    """Removes a folder or file in one step, so that no process opens half of it.

    Raises:
        OSError: It cannot be removed.
    """
    gone = path.with_name(f".{path.name}.{uuid4().hex}")
    path.rename(gone)
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()


def _made(folder: Path, write: Callable[[Path], None]) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        write(unfinished)
        (unfinished / CHECKSUMS).write_text(json.dumps(_checksums(unfinished)), encoding="utf-8")
        try:
            unfinished.rename(folder)
        except OSError:
            if damage(folder) is not None:  # else another process was faster
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@cache
def _temporary() -> Path:
    """Of this process, for what the cache does not take."""
    folder = Path(tempfile.mkdtemp(prefix="graft-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
