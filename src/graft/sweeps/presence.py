"""Whether the process that has launched a trial is still there, also on another machine that shares the disk."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from graft.runs.status import Process

_PAUSE = 60.0  # seconds between two signs of life
_SILENCE = 15 * 60.0  # seconds without one after which a process of another machine counts as gone


@contextlib.contextmanager
def present(folder: Path) -> Iterator[None]:
    """Shows in a sweep's folder, as long as the block lasts, that this process is at work there.

    Args:
        folder: Of the sweep.
    """
    sign, over = _sign(folder, Process.this()), threading.Event()

    def beat() -> None:
        while not over.wait(_PAUSE):
            with contextlib.suppress(OSError):  # a disk that is away for a minute
                sign.touch()

    sign.touch()
    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        sign.unlink(missing_ok=True)


def is_gone(owner: Process, folder: Path) -> bool:
    """Whether a process that was at work in a sweep's folder is so no more.

    Of another machine only the files tell. They are compared with one that is written now, by the clock of the disk.

    Args:
        owner: The process.
        folder: Of the sweep, in which this process is present.
    """
    this = Process.this()
    if owner.host == this.host:
        return not owner.exists
    now = _sign(folder, this)
    now.touch()
    try:
        return now.stat().st_mtime - _sign(folder, owner).stat().st_mtime > _SILENCE
    except FileNotFoundError:  # it has ended by itself
        return True


def _sign(folder: Path, process: Process) -> Path:
    return folder / f".at_work_{process.host}_{process.pid}"
