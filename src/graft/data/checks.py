"""Every file is read once before anything is trained on it; the second time costs nothing."""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from graft.data.table import BadFile, Rows
from graft.errors import GraftError

log = logging.getLogger(__name__)

Problem = Callable[[Path], str | None]
"""Reads a file in full; says what is wrong with it, None when nothing is. Called from several threads."""

_NAMED = 5  # bad files to name in a message


def sift(root: Path, ids: Sequence[str], problem: Problem, bad_files: str) -> tuple[Rows, list[BadFile]]:
    """Separates the files that can be read from those that cannot.

    Args:
        root: the folder that the ids are paths below.
        ids: paths relative to the root.
        problem: what finds fault with one file.
        bad_files: "error" | "skip".

    Returns:
        The positions of the good files, and the bad ones with reasons.

    Raises:
        GraftError: there are bad files and `bad_files` is "error"; names the first few and counts all.
    """
    bad = find_bad_files(root, ids, problem)
    settle(bad, len(ids), str(root), bad_files)
    names = {file.id for file in bad}
    return np.array([row for row, name in enumerate(ids) if name not in names], dtype=np.int64), bad


def settle(bad: Sequence[BadFile], total: int, where: str, bad_files: str) -> None:
    """Refuses bad samples, or says which are left out; does nothing where there are none.

    Raises:
        GraftError: there are some and `bad_files` is "error"; names the first few and counts all.
    """
    if not bad:
        return
    named = "".join(f"\n  {file.id}: {file.reason}" for file in bad[:_NAMED])
    more = f"\n  … and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    message = f"{len(bad)} of {total} samples in {where} cannot be used:{named}{more}"
    if bad_files == "error":
        raise GraftError(f"{message}\nRepair or remove them, or leave them out: datamodule.bad_files=skip.")
    log.warning("%s\nThey are left out (datamodule.bad_files=skip).", message)


def find_bad_files(root: Path, ids: Sequence[str], problem: Problem) -> list[BadFile]:
    """Reads all files that have changed since they were last found good, in threads, with a progress bar."""
    memory = _memory_file(root, problem)
    good = _remembered(memory)
    stamps = {name: _stamp(root / name) for name in ids}
    fresh = [name for name in ids if stamps[name] is None or good.get(name) != stamps[name]]
    reasons = _examine([root / name for name in fresh], problem)
    bad = [BadFile(name, reason) for name, reason in zip(fresh, reasons, strict=True) if reason is not None]
    # Bad files are not remembered: looking again is cheap, and a newer Pillow may read them.
    if fresh and len(bad) < len(fresh):
        _remember(memory, {name: stamps[name] for name in stamps.keys() - {file.id for file in bad}})
    return bad


def _examine(paths: Sequence[Path], problem: Problem) -> list[str | None]:
    reasons: list[str | None] = []
    started = time.monotonic()
    pool = ThreadPoolExecutor()
    progress = Progress(console=Console(stderr=True), transient=True)
    try:
        task = progress.add_task("Checking files", total=len(paths))
        for reason in pool.map(problem, paths):
            reasons.append(reason)
            if not progress.live.is_started and time.monotonic() - started > 1:  # below a second it flickers
                progress.start()
            progress.advance(task)
    finally:
        if progress.live.is_started:
            progress.stop()
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the files still queued
    return reasons


def _stamp(path: Path) -> list[int] | None:
    with suppress(OSError):
        info = path.stat()
        return [info.st_size, info.st_mtime_ns]
    return None


def _memory_file(root: Path, problem: Problem) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = f"{root.resolve()}\n{problem.__module__}.{problem.__name__}"
    return cache / "graft" / "checks" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _remembered(memory: Path) -> dict[str, list[int]]:
    with suppress(OSError, ValueError):
        good = json.loads(memory.read_text(encoding="utf-8"))
        if isinstance(good, dict):
            return good
    return {}


def _remember(memory: Path, good: dict[str, list[int] | None]) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=memory.parent, delete=False) as file:
            json.dump(good, file)
        Path(file.name).replace(memory)
    except OSError as error:  # a full or read-only disk costs a second check, not the training
        log.info("The outcome of the check is not remembered: %s", error)
