"""Features or images on disk under one key, that many processes write and read."""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout
from rich.filesize import decimal
from safetensors import SafetensorError
from torch import Tensor

from graft.features.key import Key, name_of
from graft.features.parts import PARTS, Digests, Part, read, read_parts, written

log = logging.getLogger(__name__)

DESCRIPTION = "key.json"
_LEFT_OVER = 24 * 3600  # seconds after which an unfinished file has no process that will finish it


def cache_folder() -> Path:
    """Returns where all stores lie if nothing is said."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft" / "features"


def left_over(folder: Path) -> Iterator[Path]:
    """Yields what killed processes have left in a store, which no process will finish any more."""
    for path in (*folder.glob(".*.tmp"), *folder.glob("*.lock")):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_OVER:
                yield path


class NotKept(Exception):  # noqa: N818 (the run goes on)
    """Why something cannot be kept on the disk, in a few words."""


class Store:
    """The features or images of any samples under one key.

    A part is a safetensors file, named after its samples and its own checksum. It appears under its name when it is
    whole, so that a killed process leaves nothing that is taken for one. Which part a sample is in does not matter:
    processes that compute the same at the same time waste work, never correctness.

    Args:
        key: Everything that they depend on beside the samples.
        root: The folder of all stores.
        holds: What is kept, in a word.
        in_memory: Whether that stays in memory where it cannot be kept; else nothing does, as `NotKept` tells.
    """

    def __init__(self, key: Key, root: Path, holds: str = "features", in_memory: bool = True) -> None:
        self.key = key
        self.folder = root / name_of(key)
        self.holds = holds
        self._in_memory = in_memory
        self._writes = True

    def parts(self) -> list[Part]:
        """Returns all parts that are whole; a damaged one is told and removed."""
        with suppress(OSError):
            os.utime(self.folder / DESCRIPTION)  # when it was last of use
        for path in left_over(self.folder):
            with suppress(OSError):
                path.unlink()
        return read_parts(self.folder)

    def check_room(self, needed: int) -> None:
        """Leaves a disk alone that would be full before all is kept, where nothing stays in memory.

        Args:
            needed: Bytes.

        Raises:
            NotKept: There is less room.
        """
        if self._in_memory:
            return
        there = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        if (free := shutil.disk_usage(there).free) < needed:
            raise NotKept(f"{decimal(needed)} are needed, {decimal(free)} are free")

    def made(self, samples: Digests, compute: Callable[[], Tensor]) -> Part | None:
        """Returns the part of these samples, from the disk or computed and kept; None: another process is at it.

        Args:
            samples: (n,)
            compute: Returns what is to be kept of them, (n, …).

        Raises:
            NotKept: It cannot be written, and is not to stay in memory.
        """
        with self._locked(_named(samples)) as free:
            if not free:
                return None
            for path in self.folder.glob(f"{_named(samples)}-{PARTS}"):
                if (part := read(path)) is not None:
                    return part
            return self._kept(Part(samples, compute()))

    @contextmanager
    def _locked(self, name: str) -> Iterator[bool]:
        """Yields whether this process may compute; where locks cannot be had, any may."""
        lock = self._lock(name)
        if lock is None:
            yield True
            return
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        except OSError as error:
            self._give_up(error)
            yield True
            return
        try:
            yield True
        finally:
            with suppress(OSError):  # who waits on the removed file computes as well: wasted work at worst
                Path(lock.lock_file).unlink()
            lock.release()

    def _lock(self, name: str) -> FileLock | None:
        if not self._writes:
            return None
        try:
            self._describe()
        except OSError as error:
            self._give_up(error)
            return None
        return FileLock(self.folder / f"{name}.lock")

    def _describe(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / DESCRIPTION).exists():
            return
        temporary = self.folder / f".{DESCRIPTION}.{uuid4().hex}.tmp"
        made = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
        temporary.write_text(json.dumps({"made": made, **self.key}, indent=2) + "\n", encoding="utf-8")
        temporary.replace(self.folder / DESCRIPTION)

    def _kept(self, part: Part) -> Part:
        """Writes a part and returns it as mapped from the disk; where that cannot be, as it is."""
        if not self._writes:
            return part
        try:
            return written(part, self.folder, _named(part.samples))
        except (OSError, SafetensorError) as error:  # the latter wraps errors of the disk
            self._give_up(error)
            return part

    def _give_up(self, error: Exception) -> None:
        """From now on features stay in memory; each later run computes them anew."""
        reason = getattr(error, "strerror", None) or error
        if not self._in_memory:
            raise NotKept(str(reason)) from error
        if self._writes:
            log.warning(
                "Features cannot be kept in %s (%s): they stay in memory, and other runs will compute them again."
                " Make room, or set cache.folder to another folder.",
                *(self.folder, reason),
            )
        self._writes = False


def _named(samples: Digests) -> str:
    return hashlib.sha256(samples.tobytes()).hexdigest()[:24]
