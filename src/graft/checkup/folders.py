"""Whether what a run writes finds its place."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.filesize import decimal

from graft.checkup.finding import Finding, Verdict, fine, warning, wrong
from graft.features.inventory import entries
from graft.features.store import cache_folder

_NOTHING = 500 * 10**6  # bytes in which no run with its checkpoints finds a place
_LITTLE = 5 * 10**9
_PROBE = b"\0" * 4096


def logs(folder: Path) -> Iterator[Finding]:
    """Yields whether run folders can be written to `paths.logs`, and the room that is left there."""
    elsewhere = "give another folder: GRAFT_ROOT=<folder>, or paths.root=<folder>"
    yield _writable("logs", folder, Verdict.WRONG, elsewhere)
    free = shutil.disk_usage(_existing(folder)).free
    advice = f"make room on the disk of {folder.absolute()}, or {elsewhere}"
    if free < _NOTHING:
        yield wrong("disk of logs", f"{decimal(free)} free: too little for a run", advice)
    elif free < _LITTLE:
        yield warning("disk of logs", f"{decimal(free)} free: a large network's checkpoints need more", advice)
    else:
        yield fine("disk of logs", f"{decimal(free)} free")


def cache(folder: str | None, limit: float) -> Iterator[Finding]:
    """Yields what lies in the cache, and whether it can grow.

    A run goes on without its cache, so nothing here is worse than a warning.

    Args:
        folder: `cache.folder`.
        limit: `cache.max_gb`.
    """
    root = Path(folder).expanduser() if folder else cache_folder()
    kept = entries(root) if root.is_dir() else []
    size = decimal(sum(entry.size for entry in kept))
    elsewhere = "give another folder: cache.folder=<folder>, or XDG_CACHE_HOME=<folder>"
    found = _writable("cache", root, Verdict.WARNING, elsewhere)
    yield found if found.verdict is Verdict.WARNING else fine("cache", f"{root}, {len(kept)} kept, {size}")
    free = shutil.disk_usage(_existing(root)).free
    if free < limit * 10**9:
        advice = f"`graft cache prune unused_for=30`, or {elsewhere}"
        yield warning("disk of the cache", f"{decimal(free)} free, less than cache.max_gb={limit:g}", advice)
    else:
        yield fine("disk of the cache", f"{decimal(free)} free")


def _writable(subject: str, folder: Path, otherwise: Verdict, advice: str) -> Finding:
    """By writing, as permissions do not tell of file systems that are read-only or full."""
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError("a file is in the way")
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            file.write(_PROBE)
            file.flush()
    except OSError as error:
        state = f"{folder.absolute()} cannot be written to: {error.strerror or error}"
        return Finding(subject, state, otherwise, advice)
    return fine(subject, str(folder.absolute()))


def _existing(folder: Path) -> Path:
    """The folder, or what would hold it."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if path.exists())
