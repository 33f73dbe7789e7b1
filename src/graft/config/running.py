"""Runs jobs through Hydra, whose exceptions arrive as they were raised."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict, read_write

from graft.config.explain import as_config_error
from graft.config.locate import configs_dir
from graft.errors import GraftError

_SWEEP = ("-m", "--multirun")
_DISTRIBUTED = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")

Job = Callable[[DictConfig], Any]


class _Stopped(BaseException):
    """Carries an error out of a single job; Hydra would print a line of its own about an `Exception` first."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def call_hydra(command: str, argv: list[str], job: Job, mode: RunMode | None = None) -> None:
    """Does what the command line says.

    Args:
        command: Names the primary configuration.
        argv: Overrides and flags, without the command's name.
        job: Called once for each configuration that the line asks for.
        mode: Of the run, where it is known.

    Raises:
        Exception: What composing or the job raised, unchanged.
        SystemExit: Help was printed.
    """
    with _surroundings(argv), _known(mode):
        hydra.main(config_path=str(configs_dir()), config_name=command, version_base="1.3")(job)()


@contextmanager
def _known(mode: RunMode | None) -> Iterator[None]:
    """Hydra composes everything once more to see the mode, a tenth of a short run, unless it is told."""
    composing = Hydra.get_mode
    if mode is not None:
        Hydra.get_mode = lambda *_, **__: mode  # type: ignore[method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = composing  # type: ignore[method-assign]


@contextmanager
def _surroundings(argv: list[str]) -> Iterator[None]:
    """Hydra reads `sys.argv`, where the command must not stand, and prints exceptions unless told to let them pass."""
    line, full_error = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = [line[0], *argv]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = line
        if full_error is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full_error


def run_jobs(
    command: str,
    argv: list[str],
    job: Job,
    *,
    typed: list[str],
    flags: list[str],
    mode: RunMode | None,
    report: Callable[[str], None],
    redact: Callable[[str], str],
) -> None:
    """Runs one job, or the jobs of a sweep.

    Args:
        command: Names the primary configuration.
        argv: Overrides and flags for Hydra.
        job: A command's function.
        typed: The overrides as the user typed them.
        flags: The flags likewise. Command, overrides and flags are `sys.argv` while a job runs, because Lightning
            starts the other processes of a distributed training with it.
        mode: Of the run, where it is known.
        report: Takes one line about a job of a sweep that failed; the sweep goes on.
        redact: Takes the secrets out of the file in which Hydra notes what a sweep was asked for.

    Raises:
        GraftError: The run folder cannot be made or named.
        Exception: What the job raised, or the first that failed of a sweep.
    """
    started: list[bool] = []
    grids: list[str] = []  # folders of Hydra's own sweeps, which say nothing at their end

    def one(cfg: DictConfig) -> Any:
        started.append(True)
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            if HydraConfig.get().sweeper._target_.endswith(".BasicSweeper"):
                grids.append(HydraConfig.get().sweep.dir)
            _redact_file(Path(HydraConfig.get().sweep.dir) / "multirun.yaml", redact)
            try:
                with _as_a_run_of_its_own(command, [flag for flag in flags if flag not in _SWEEP]):
                    return job(cfg)
            except Exception as error:
                report(f"a job failed; the sweep goes on. {type(error).__name__}: {error}")
                raise
        sys.argv = [sys.argv[0], command, *typed, *flags]
        try:
            return job(cfg)
        except Exception as error:
            raise _Stopped(error) from error

    try:
        call_hydra(command, argv, one, mode)
        return
    except _Stopped as stopped:
        failure = stopped.error
    except Exception as error:
        if started:
            raise
        failure = _before_the_job(error)
    finally:
        for folder in dict.fromkeys(grids):
            print(f"compare the runs: graft compare {shlex.quote(folder)}")
    raise failure


@contextmanager
def _as_a_run_of_its_own(command: str, flags: list[str]) -> Iterator[None]:
    """Makes a job of a sweep look like a single run to Lightning, whose processes would else repeat the whole sweep.

    What a distributed training leaves behind is taken away afterwards: the next job would think that it is one of its
    processes. The program is named as a module, because some launchers run jobs in programs of their own.
    """
    import __main__

    job: Any = HydraConfig.instance().cfg
    with read_write(job.hydra), open_dict(job.hydra):
        job.hydra.run.dir = job.hydra.runtime.output_dir
    spec, __main__.__spec__ = __main__.__spec__, ModuleSpec("graft", None)
    line, before = sys.argv, {name: os.environ.get(name) for name in _DISTRIBUTED}
    sys.argv = [line[0], command, *job.hydra.overrides.task, *flags, "hydra.mode=RUN"]
    try:
        yield
    finally:
        sys.argv = line
        __main__.__spec__ = spec
        torch = sys.modules.get("torch")
        if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _redact_file(path: Path, redact: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    if (redacted := redact(text)) != text:
        path.write_text(redacted, encoding="utf-8")


def _before_the_job(error: Exception) -> Exception:
    """Hydra resolves the run folder's name and makes it."""
    if isinstance(error, OSError) and error.filename:
        reason = f"cannot make the run folder {error.filename}: {error.strerror}"
        return GraftError(f"{reason}; choose another hydra.run.dir.")
    return as_config_error(error) or error
