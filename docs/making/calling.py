"""Runs Graft's command line in this process, as if it were started in another folder and on another machine."""

import io
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock


def called(line: str) -> tuple[int, str]:
    """Runs a command line in this process.

    Returns:
        The exit code, and what was printed as the error.
    """
    from graft.cli import main

    said = io.StringIO()
    with mock.patch.object(sys, "argv", shlex.split(line)), redirect_stdout(said), redirect_stderr(said):
        code = main()
    text = said.getvalue()
    return code, text[text.rfind("error: ") :].removeprefix("error: ").strip() if "error: " in text else text


@contextmanager
def without(package: str | None) -> Iterator[None]:
    """As if a package were not installed."""
    if package is None:
        yield
        return
    before = sys.modules.get(package)
    sys.modules[package] = None  # type: ignore[assignment] # which makes importing it fail
    try:
        yield
    finally:
        del sys.modules[package]
        if before is not None:
            sys.modules[package] = before


@contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """In the folder, with caches of its own, without keys and without a hub."""
    own = {"XDG_CACHE_HOME": f"{folder}/cache", "HOME": str(folder), "GRAFT_ROOT": "."}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    with chdir(folder), mock.patch.dict(os.environ, kept | own, clear=True):
        yield
