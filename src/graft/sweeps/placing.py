"""One accelerator for each of the runs that a launcher has going at the same time on one machine."""

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from graft.errors import many

log = logging.getLogger(__name__)

_VISIBLE = "CUDA_VISIBLE_DEVICES"
_held: list[FileLock] = []  # until the process ends: CUDA looks at what is visible once


def take_accelerators(count: int) -> None:
    """Leaves this process as many of the visible accelerators as it asks for, none of which another such process has.

    To be called before CUDA is first used; a process that has its own already keeps them. Where there is no more than
    one, or all are taken, nothing changes: runs then share.

    Args:
        count: How many; 0: it has chosen by itself, and keeps sight of all.
    """
    if count == 0 or _held or len(visible := _visible()) < 2:
        return
    for device in visible:
        lock = FileLock(_folder() / f"{device}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        _held.append(lock)
        if len(_held) == count:
            os.environ[_VISIBLE] = ",".join(Path(lock.lock_file).stem for lock in _held)
            return
    while _held:
        _held.pop().release()
    log.warning("of %s, no %d free: runs share them; lower launcher.jobs", many(len(visible), "accelerator"), count)


def accelerators(devices: int | str | Sequence[int]) -> int:
    """Returns how many a trainer's `devices` wants to have, which ones being all the same to it.

    Of `auto`, or of all, one: others run beside it. Of those that are named, as `[2]` or `"0,1"`, none: the names are
    those of all that are visible, and would be none or others among fewer.
    """
    if isinstance(devices, int | str):
        said = str(devices).strip()
        if "," in said:
            return 0
        return int(said) if said.isdigit() and int(said) > 0 else 1
    return 0


def _visible() -> list[str]:
    if _VISIBLE in os.environ:
        return [device.strip() for device in os.environ[_VISIBLE].split(",") if device.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"graft-accelerators-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder
