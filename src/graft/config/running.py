"""Runs jobs through Hydra, whose exceptions arrive as they were raised."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from graft.config.explain import as_config_error
from graft.config.locate import configs_dir
from graft.errors import GraftError

Job = Callable[[DictConfig], Any]


class _Stopped(BaseException):
    """Carries an error out of a single job; Hydra would print a line of its own about an `Exception` first."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def call_hydra(command: str, argv: list[str], job: Job) -> None:
    """Does what the command line says.

    Args:
        command: Names the primary configuration.
        argv: Overrides and flags, without the command's name.
        job: Called once for each configuration that the line asks for.

    Raises:
        Exception: What composing or the job raised, unchanged.
        SystemExit: Help was printed.
    """
    with _surroundings(argv):
        hydra.main(config_path=str(configs_dir()), config_name=command, version_base="1.3")(job)()


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


def run_jobs(command: str, argv: list[str], job: Job, *, typed: list[str], report: Callable[[str], None]) -> None:
    """Runs one job, or the jobs of a sweep.

    Args:
        command: Names the primary configuration.
        argv: Overrides and flags for Hydra.
        job: A command's function.
        typed: The words behind the program's name as the user typed them: `sys.argv` while a job runs, because
            Lightning starts the other processes of a distributed training with it.
        report: Takes one line about a job of a sweep that failed; the sweep goes on.

    Raises:
        GraftError: The run folder cannot be made or named.
        Exception: What the job raised, or the first that failed of a sweep.
    """
    started: list[bool] = []

    def one(cfg: DictConfig) -> Any:
        started.append(True)
        sys.argv = [sys.argv[0], *typed]
        try:
            return job(cfg)
        except Exception as error:
            if HydraConfig.get().mode is not RunMode.MULTIRUN:
                raise _Stopped(error) from error
            report(f"a job failed; the sweep goes on. {type(error).__name__}: {error}")
            raise

    try:
        call_hydra(command, argv, one)
        return
    except _Stopped as stopped:
        failure = stopped.error
    except Exception as error:
        if started:
            raise
        failure = _before_the_job(error)
    raise failure


def _before_the_job(error: Exception) -> Exception:
    """Hydra resolves the run folder's name and makes it."""
    if isinstance(error, OSError) and error.filename:
        reason = f"cannot make the run folder {error.filename}: {error.strerror}"
        return GraftError(f"{reason}; choose another hydra.run.dir.")
    return as_config_error(error) or error
