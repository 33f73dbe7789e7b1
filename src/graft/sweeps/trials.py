"""What became of a trial, read from its run folders: they are written first, and the study is told from them."""

import logging
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from graft.errors import ConfigError, GraftError, did_you_mean
from graft.runs.folder import RunFolder
from graft.runs.status import State, Status, read_status

log = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds between looks at a run that goes on without its sweep
_NEVER = "its sweep ended before it began"


class Ending(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    LOST = "lost"  # with its process, before it could end


@dataclass(frozen=True)
class Outcome:
    """What became of a trial.

    Attributes:
        ending: How it ended.
        values: Of the objectives; means over seeds. Empty unless complete.
        runs: Of each run, the values of the objectives; empty unless complete.
        message: What stopped it; empty where nothing did.
        seconds: What its runs took together.
        killed: Whether a run died while it was going on; one that was stopped, or never began, has not.
    """

    ending: Ending
    values: tuple[float, ...] = ()
    runs: tuple[tuple[float, ...], ...] = ()
    message: str = ""
    seconds: float = 0.0
    killed: bool = False


def outcome(folders: Sequence[Path], objectives: Sequence[str], raised: BaseException | None = None) -> Outcome:
    """Reads what became of a trial; waits for runs that still go on, as those of a sweep do that was killed.

    A folder that no run has claimed is claimed here, as failed or lost: a run that begins late ends at it.

    Args:
        folders: Of its runs, one for each seed.
        objectives: Keys of `summary.json`.
        raised: What a job raised, perhaps before it had a folder to write it down in.

    Raises:
        ConfigError: A summary has no such key.
    """
    found = [_of_run(folder, objectives, raised) for folder in folders]
    seconds = sum(each.seconds for each in found)
    for ending in (Ending.LOST, Ending.FAILED, Ending.PRUNED):
        if (first := next((each for each in found if each.ending is ending), None)) is not None:
            return replace(first, seconds=seconds, killed=any(each.killed for each in found))
    values = tuple(statistics.fmean(each.values[number] for each in found) for number in range(len(objectives)))
    return Outcome(Ending.COMPLETE, values, tuple(each.values for each in found), seconds=seconds)


def has_ended_well(folder: Path, objectives: Sequence[str]) -> bool:
    """Whether a run is done and has a number for each objective; nothing is waited for or claimed."""
    run = RunFolder(folder)
    try:
        done = run.status.exists() and read_status(run.status).state is State.DONE
        return done and _of_summary(run, objectives, 0.0).ending is Ending.COMPLETE
    except GraftError:  # unreadable
        return False


def _of_run(folder: Path, objectives: Sequence[str], raised: BaseException | None) -> Outcome:
    try:
        status = _ended(folder, raised)
    except GraftError as unreadable:
        return Outcome(Ending.FAILED, message=str(unreadable))
    match status.state:
        case State.DONE:
            return _of_summary(RunFolder(folder), objectives, status.seconds)
        case State.FAILED:
            return Outcome(Ending.FAILED, message=status.traceback or status.message or "", seconds=status.seconds)
        case _:
            killed = status.state is State.KILLED and status.message != _NEVER
            message = f"{folder} was {status.state}" if killed else f"{folder}: {status.message or status.state}"
            return Outcome(Ending.LOST, message=message, seconds=status.seconds, killed=killed)


def _of_summary(run: RunFolder, objectives: Sequence[str], seconds: float) -> Outcome:
    try:
        summary = run.load_summary()
    except GraftError as error:
        return Outcome(Ending.FAILED, message=str(error), seconds=seconds)
    if summary.get("pruned_at") is not None:
        return Outcome(Ending.PRUNED, message=f"pruned after epoch {summary['pruned_at'] + 1}", seconds=seconds)
    if unknown := [name for name in objectives if name not in summary]:
        raise ConfigError(_unknown(unknown[0], summary))
    values = [summary[name] for name in objectives]
    for name, value in zip(objectives, values, strict=True):
        if not isinstance(value, int | float) or not math.isfinite(value):
            return Outcome(Ending.FAILED, message=f"{name} is no number in {run.summary}", seconds=seconds)
    return Outcome(Ending.COMPLETE, tuple(float(value) for value in values if value is not None), seconds=seconds)


def _unknown(name: str, summary: Mapping[str, Any]) -> str:
    numbers = [key for key, value in summary.items() if isinstance(value, int | float)]
    return (
        f"hydra.sweeper: no run tells {name}, so the sweep stops.{did_you_mean(name, numbers)} There are:"
        f" {', '.join(numbers)}. Start it again with one of these, and with a name of its own, name=…"
    )


def _ended(folder: Path, raised: BaseException | None) -> Status:
    """Waits until a run has ended in any way."""
    run = RunFolder(folder)
    try:
        RunFolder.create(folder)
    except ConfigError:  # claimed, by a run
        pass
    else:
        claimed = Status.begin()
        (claimed.end(raised) if raised else replace(claimed, state=State.KILLED, message=_NEVER)).write(run.status)
    told = False
    while (status := read_status(run.status)).state is State.RUNNING:
        if not told:
            log.info("waiting for %s, which goes on without its launcher (process %d)", folder, status.pid)
            told = True
        time.sleep(_PAUSE)
    return status
