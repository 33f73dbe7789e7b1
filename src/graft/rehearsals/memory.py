"""What steps take of a device's memory, and how much of it is free."""

import contextlib
import gc
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_LIMITS = {  # limit, what is used, and what of that the system gives back when asked; of both versions
    "memory.max": ("memory.current", "inactive_file"),
    "memory.limit_in_bytes": ("memory.usage_in_bytes", "total_inactive_file"),
}


class Growth:
    """What a block takes at most beyond what was held before it, in bytes."""

    bytes: int = 0


@contextlib.contextmanager
def measured(device: str) -> Iterator[Growth]:
    """Measures the block: memory of the GPU on `cuda`, else of this process.

    Where the system cannot be told to forget an earlier peak of the process, that counts as one of the block: then it
    says too much rather than too little.
    """
    growth = Growth()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield growth
        growth.bytes = torch.cuda.max_memory_allocated() - before
        return
    gc.collect()  # what it would free within the block hides as much of what the block takes
    with contextlib.suppress(OSError):
        (_PROC / "self" / "clear_refs").write_text("5")  # forgets the peak
    before = _held()
    yield growth
    growth.bytes = max(0, _peak() - before)


def is_out_of_memory(error: BaseException) -> bool:
    """Tells an error of PyTorch or Python that asks for less: on CUDA, MPS, and on a CPU with a limit of its own."""
    said = str(error)
    return isinstance(error, MemoryError | RuntimeError) and (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "out of memory" in said  # MPS has no class of its own
        or "can't allocate memory" in said  # nor has the CPU
        or "CUBLAS_STATUS_ALLOC_FAILED" in said
    )


def free() -> int:
    """Returns how many bytes this process may still take before the system ends it.

    On Linux what is available on the machine, or in the control group of this process, the lesser; elsewhere the
    machine's memory without what this process has taken.
    """
    try:
        available = _fields(_PROC / "meminfo")["MemAvailable"]
    except (OSError, KeyError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") - _peak()
    return min([available, *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    """What is left in each control group that this process is in, up to the topmost."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            root = _CGROUPS / controllers
            group = root / path.lstrip("/")
            yield from (left for folder in (group, *group.parents) if (left := _left(folder)) is not None)


def _left(group: Path) -> int | None:
    for limit, (used, reclaimed) in _LIMITS.items():
        try:
            most = (group / limit).read_text().strip()
            if most != "max":
                given_back = _fields(group / "memory.stat").get(reclaimed, 0)
                return int(most) - int((group / used).read_text()) + given_back
        except OSError:
            continue
    return None


def _held() -> int:
    with contextlib.suppress(OSError):
        return _fields(_PROC / "self" / "status")["VmRSS"]
    return _peak()


def _peak() -> int:
    with contextlib.suppress(OSError):
        return _fields(_PROC / "self" / "status")["VmHWM"]
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _fields(path: Path) -> dict[str, int]:
    """Names and numbers of a file of the system; kB become bytes, other lines are left out."""
    found = {}
    for line in path.read_text().splitlines():
        name, *value = line.replace(":", " ", 1).split()
        if value and value[0].isdigit():
            found[name] = int(value[0]) * (1024 if value[1:] == ["kB"] else 1)
    return found
