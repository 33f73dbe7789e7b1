"""What became of a run: running, done, failed, interrupted or killed."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shlex
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from graft.errors import GraftError, Interrupted
from graft.runs.atomic import write_json
from graft.runs.secrets import redact, redact_tree
from graft.runs.signs import is_silent


class State(StrEnum):
    """The states of a run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # by Ctrl-C or SIGTERM, with a checkpoint
    KILLED = "killed"  # never written: what a running state reads as when its process is gone


@dataclass(frozen=True)
class Process:
    """A process of a machine.

    Attributes:
        host: The machine, by a hash: run folders are shared, names of machines are not.
        pid: Its number there.
        mark: Tells it from a later one of the same number; None where the system has no such mark.
    """

    host: str
    pid: int
    mark: str | None

    @classmethod
    def this(cls) -> Self:
        """The one that runs this."""
        return cls(_machine(), os.getpid(), _process_mark(os.getpid()))

    @property
    def exists(self) -> bool:
        """Whether it still runs, which of another machine's is not known: then it does."""
        return self.host != _machine() or _exists(self.pid, self.mark)


@dataclass(frozen=True)
class Status:
    """The content of `status.json`.

    Attributes:
        state: The state.
        started: When the run, or its latest continuation, began: ISO 8601, UTC.
        ended: When it ended, likewise; None while it runs and after a kill.
        resumed: How often it was gone on with.
        seconds: What its starts took together, as far as they ended by themselves or were stopped.
        command: The command line, without secrets.
        pid: The process.
        process: Tells the process from a later one of the same number; None where the system has no such mark.
        host: The machine that the process runs on, by a hash; empty in statuses from before that was noted.
        message: What stopped it, in one line or a few; None when nothing did.
        traceback: Where, when the user could not have mended it.
    """

    state: State
    started: str
    ended: str | None = None
    resumed: int = 0
    seconds: float = 0.0
    command: str = ""
    pid: int = 0
    process: str | None = None
    host: str = ""
    message: str | None = None
    traceback: str | None = None

    @classmethod
    def begin(cls, previous: "Status | None" = None) -> Self:
        """The state of a run that this process starts, or goes on with when it has a previous one."""
        this = Process.this()
        return cls(
            state=State.RUNNING,
            started=now(),
            resumed=previous.resumed + 1 if previous else 0,
            seconds=previous.seconds if previous else 0.0,
            command=command_line(),
            pid=this.pid,
            process=this.mark,
            host=this.host,
        )

    def end(self, error: BaseException | None = None) -> Self:
        """The state after the run ended, by itself or by an exception."""
        seconds = self.seconds + max(0.0, time.time() - datetime.fromisoformat(self.started).timestamp())
        if error is None:
            return dataclasses.replace(self, state=State.DONE, ended=now(), seconds=seconds)
        mended_by_user = isinstance(error, GraftError | Interrupted | KeyboardInterrupt)
        return dataclasses.replace(
            self,
            state=State.INTERRUPTED if isinstance(error, Interrupted | KeyboardInterrupt) else State.FAILED,
            ended=now(),
            seconds=seconds,
            message=str(error) or type(error).__name__,
            traceback=None if mended_by_user else "".join(traceback.format_exception(error)),
        )

    @property
    def where(self) -> str:
        """Which process it is or was, and what to do where that is in the way, as part of a sentence."""
        if self.host in ("", _machine()):
            return f"in process {self.pid}; wait for it, or stop it with `kill {self.pid}`"
        return "on another machine; wait for it, stop it there, or for a quarter of an hour after that has died"

    def write(self, path: Path) -> None:
        """Writes the status, without secrets, in the place of the old one."""
        write_json(path, redact_tree(dataclasses.asdict(self)))


def read_status(path: Path) -> Status:
    """Reads a status; one that says `running` but whose process is gone reads as killed.

    Raises:
        GraftError: When the file is missing or is no status.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if not text.strip() and (path.parent / "config.yaml").exists():
            raise GraftError(
                f"{path} is unreadable: it is empty, as after a power cut or on a full disk. How the run ended is not"
                " known: restore the file, or start the run anew"
            )
        if not text:  # a folder that was claimed by a process killed in that moment
            return Status(State.KILLED, started=_iso(path.stat().st_mtime))
        known = {field.name for field in dataclasses.fields(Status)}
        data = {key: value for key, value in json.loads(text).items() if key in known}
        status = Status(**{**data, "state": State(data["state"])})
    except FileNotFoundError:
        raise GraftError(f"{path} is missing: {path.parent} is not the folder of a run") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GraftError(f"{path} is damaged ({error}); restore it, or start the run anew") from error
    if status.state is State.RUNNING and not _goes_on(status, path.parent):
        return dataclasses.replace(status, state=State.KILLED)
    return status


def _goes_on(status: Status, folder: Path) -> bool:
    """Whether a run's process exists; of another machine the file tells, which it touches every minute."""
    if status.host in ("", _machine()):
        return Process(_machine(), status.pid, status.process).exists
    return not is_silent(folder, (folder / "status.json").stat().st_mtime)


@functools.cache
def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]


def command_line() -> str:
    """The command line of this process as one would type it, without secrets and without the program's folder."""
    program = Path(sys.argv[0]).name
    typed = ["python", "-m", "graft"] if program == "__main__.py" else [program]
    return redact(shlex.join([*typed, *sys.argv[1:]]))


def now() -> str:
    """The time, as ISO 8601 in UTC, to the second."""
    return _iso(time.time())


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")


def _exists(pid: int, mark: str | None) -> bool:
    if mark is not None:
        return _process_mark(pid) == mark
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(pid, 0)
        except PermissionError:  # it exists and is someone else's
            return True
        return True
    return False


def _process_mark(pid: int) -> str | None:
    """The start of a process in ticks since boot; None where there is no such process, or no /proc at all.

    A process that was killed but not yet collected by its parent (a zombie) counts as gone.
    """
    with contextlib.suppress(OSError):
        # The second field is the name in parentheses and may hold anything; the third is the state.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    return None
