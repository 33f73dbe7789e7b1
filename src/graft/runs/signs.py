"""Signs of life, by which processes of other machines that share the disk know that this one goes on."""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_PAUSE = 60.0  # seconds between two signs
_SILENCE = 15 * 60.0  # seconds without one after which a process of another machine counts as gone


@contextlib.contextmanager
def giving_signs(file: Path) -> Iterator[None]:
    """Sets the time of a file anew, every minute, as long as the block lasts.

    Args:
        file: That exists; others may replace it meanwhile.
    """
    over = threading.Event()

    def give() -> None:
        while not over.wait(_PAUSE):
            with contextlib.suppress(OSError):  # a disk that is away for a minute
                os.utime(file)  # which makes none, where it is gone

    threading.Thread(target=give, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def is_silent(folder: Path, last: float) -> bool:
    """Whether a process counts as gone, by the time of the last sign that it gave.

    Args:
        folder: In which the sign lies.
        last: Seconds of the epoch, by the clock of the disk, which may be another than this machine's.
    """
    return _time_on_disk(folder) - last > _SILENCE


def _time_on_disk(folder: Path) -> float:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".time_") as file:
            return Path(file.name).stat().st_mtime
    except OSError:  # a folder that this process may only read
        return time.time()
