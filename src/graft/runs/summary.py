"""What a run cost: seconds by part, and memory."""

import contextlib
import resource
import sys
import time
from collections.abc import Iterator

import torch

_NOTHING = 0.01  # seconds: to see that there was nothing to do


class Stopwatch:
    """Wall-clock seconds by part; a part that is entered again adds up."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._parts: dict[str, float] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times the block."""
        start = time.monotonic()
        try:
            yield
        finally:
            self._parts[name] = self._parts.get(name, 0.0) + time.monotonic() - start

    def seconds(self) -> dict[str, float]:
        """Returns `seconds`, since the beginning, and `seconds/<part>` of what took any time."""
        parts = {f"seconds/{name}": value for name, value in self._parts.items() if value > _NOTHING}
        return {"seconds": time.monotonic() - self._start, **parts}


def peak_memory() -> dict[str, float]:
    """Returns the largest memory that this process has held, in MiB: the machine's and, if any, the GPU's."""
    unit = 1024**2 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    memory = {"memory/peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}
    if torch.cuda.is_available():
        memory["memory/gpu_peak_mib"] = torch.cuda.max_memory_allocated() / 1024**2
    return memory
