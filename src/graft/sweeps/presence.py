"""Whether the process that has launched a trial is still there, also on another machine that shares the disk."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from graft.runs.signs import giving_signs, is_silent
from graft.runs.status import Process


@contextlib.contextmanager
def present(folder: Path) -> Iterator[None]:
    """Shows in a sweep's folder, as long as the block lasts, that this process is at work there.

    Args:
        folder: Of the sweep.
    """
    sign = _sign(folder, Process.this())
    sign.touch()
    try:
        with giving_signs(sign):
            yield
    finally:
        sign.unlink(missing_ok=True)


def has_sign(owner: Process, folder: Path) -> bool:
    """Whether a process has shown itself in a sweep's folder, and was not seen to leave it."""
    return _sign(folder, owner).exists()


def is_gone(owner: Process, folder: Path) -> bool:
    """Whether a process that was at work in a sweep's folder is so no more; of another machine the sign tells.

    Args:
        owner: The process.
        folder: Of the sweep.
    """
    if owner.host == Process.this().host:
        return not owner.exists
    try:
        return is_silent(folder, _sign(folder, owner).stat().st_mtime)
    except FileNotFoundError:  # it has ended by itself
        return True


def clear(owner: Process, folder: Path) -> None:
    """Takes away what a process that is gone has left: one to come may have its number."""
    _sign(folder, owner).unlink(missing_ok=True)


def _sign(folder: Path, process: Process) -> Path:
    return folder / f".at_work_{process.host}_{process.pid}"
