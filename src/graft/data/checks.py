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
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress

from graft.data.table import BadFile, Rows
from graft.errors import GraftError, many

log = logging.getLogger(__name__)

Examine = Callable[[Path], Any]
"""Reads a file in full and returns facts, a tuple of numbers and strings; or a str, what is wrong. In threads."""

NAMED = 5
"""Bad files to name in a message."""


class Sifted(NamedTuple):
    """Files that can be read.

    Attributes:
        rows: their positions.
        facts: of each of them.
        bad: the others, with reasons.
    """

    rows: Rows
    facts: list[Any]
    bad: list[BadFile]


def sift(root: Path, ids: Sequence[str], examine: Examine, bad_files: str) -> Sifted:
    """Separates the files that can be read from those that cannot.

    Args:
        root: the folder that the ids are paths below.
        ids: paths relative to the root.
        examine: what reads one file.
        bad_files: "error" | "skip".

    Raises:
        GraftError: there are bad files and `bad_files` is "error"; names the first few and counts all.
    """
    sifted = sort_out(root, ids, examine)
    settle(sifted.bad, len(ids), str(root), bad_files)
    return sifted


def sort_out(root: Path, ids: Sequence[str], examine: Examine) -> Sifted:
    """Does what `sift` does, and leaves it to `settle` what becomes of bad files."""
    facts = examine_files(root, ids, examine)
    bad = [BadFile(name, found) for name, found in zip(ids, facts, strict=True) if isinstance(found, str)]
    rows = [row for row, found in enumerate(facts) if not isinstance(found, str)]
    return Sifted(np.array(rows, dtype=np.int64), [facts[row] for row in rows], bad)


def settle(bad: Sequence[BadFile], total: int, where: str, bad_files: str, names: Sequence[str] | None = None) -> None:
    """Refuses bad samples, or says which are left out; does nothing where there are none.

    Args:
        bad: the bad ones.
        total: number of all.
        where: what they are in.
        bad_files: "error" | "skip".
        names: of the first `NAMED` of them, in messages; None: their ids.

    Raises:
        GraftError: there are some and `bad_files` is "error"; names the first few and counts all.
    """
    if not bad:
        return
    names = [file.id for file in bad[:NAMED]] if names is None else names
    named = "".join(f"\n  {name}: {file.reason}" for name, file in zip(names, bad, strict=False))
    more = f"\n  … and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    message = f"{len(bad)} of {many(total, 'sample')} in {where} cannot be used:{named}{more}"
    if bad_files == "error":
        raise GraftError(f"{message}\nRepair or remove them, or leave them out: datamodule.bad_files=skip.")
    log.warning("%s\nThey are left out (datamodule.bad_files=skip).", message)


def examine_files(root: Path, ids: Sequence[str], examine: Examine) -> list[Any]:
    """Returns facts of each file, or what is wrong with it; reads what has changed since it was last found good.

    In threads, with a progress bar.
    """
    memory = _memory_file(root, examine)
    known = _remembered(memory)
    stamps = {name: _stamp(root / name) for name in ids}
    fresh = [name for name in stamps if stamps[name] is None or known.get(name, [None])[0] != stamps[name]]
    found = dict(zip(fresh, _examine([root / name for name in fresh], examine), strict=True))
    facts = {name: found[name] if name in found else known[name][1] for name in stamps}
    # Bad files are not remembered: looking again is cheap, and a newer Pillow may read them.
    if any(not isinstance(value, str) for value in found.values()):
        _remember(memory, {name: [stamps[name], facts[name]] for name in stamps if not isinstance(facts[name], str)})
    return [facts[name] for name in ids]


def _examine(paths: Sequence[Path], examine: Examine) -> list[Any]:
    facts: list[Any] = []
    started = time.monotonic()
    pool = ThreadPoolExecutor()
    progress = Progress(console=Console(stderr=True), transient=True)
    try:
        task = progress.add_task("Checking files", total=len(paths))
        for fact in pool.map(examine, paths):
            facts.append(fact)
            if not progress.live.is_started and time.monotonic() - started > 1:  # below a second it flickers
                progress.start()
            progress.advance(task)
    finally:
        if progress.live.is_started:
            progress.stop()
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the files still queued
    return facts


def _stamp(path: Path) -> list[int] | None:
    with suppress(OSError):
        info = path.stat()
        return [info.st_size, info.st_mtime_ns, info.st_ctime_ns]  # the last tells of a copy that kept the old time
    return None


def _memory_file(root: Path, examine: Examine) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = f"{root.resolve()}\n{examine.__module__}.{examine.__name__}"
    return cache / "graft" / "checks" / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def _remembered(memory: Path) -> dict[str, list[Any]]:
    with suppress(OSError, ValueError):
        good = json.loads(memory.read_text(encoding="utf-8"))
        if isinstance(good, dict):
            return good
    return {}


def _remember(memory: Path, good: dict[str, list[Any]]) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=memory.parent, delete=False) as file:
            json.dump(good, file)
        Path(file.name).replace(memory)
    except OSError as error:  # a full or read-only disk costs a second check, not the training
        log.info("The outcome of the check is not remembered: %s", error)
