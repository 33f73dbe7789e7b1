"""What a run says: to the console, in colour, and to `train.log`; without secrets in both."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from rich.logging import RichHandler

from graft.runs.rank import rank
from graft.runs.secrets import Redactor

_WARNINGS = "py.warnings"  # where Python sends its warnings once they are captured
_CONSOLE = ("graft", _WARNINGS)
_FILE = ("graft", _WARNINGS, "pytorch_lightning")  # what Lightning says of devices and tips is for the file alone
_SWEEP = ("graft.sweeps",)  # whose runs, in the same process, have logs of their own


@contextlib.contextmanager
def logging_sweep_to(path: Path) -> Iterator[None]:
    """Logs what a sweep says to the console and to the end of a file; its runs say what they say themselves."""
    console = RichHandler(show_time=False, show_path=False)
    with _handling(console, _SWEEP), _handling(_file_handler(path), _SWEEP):
        yield


@contextlib.contextmanager
def logging_to(path: Path | None, quiet: bool = False) -> Iterator[None]:
    """Logs what happens inside to the console and to the end of a file, and warnings with it.

    Of the processes of a distributed training only the first writes the file; the others say only what is wrong.

    Args:
        path: The file, usually `train.log` of the run folder; None: to the console alone.
        quiet: The console gets only what is wrong.
    """
    console = RichHandler(show_time=False, show_path=False)  # on rich's own console, above a progress bar
    console.setLevel(logging.WARNING if quiet or rank() > 0 else logging.INFO)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_handling(console, _CONSOLE))
        if path is not None and rank() == 0:
            stack.enter_context(_handling(_file_handler(path), _FILE))
        stack.enter_context(_without_console("pytorch_lightning"))
        stack.enter_context(_warnings_of_others())
        logging.captureWarnings(True)
        stack.callback(logging.captureWarnings, False)
        yield


@contextlib.contextmanager
def _without_console(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    own = [handler for handler in logger.handlers if type(handler) is logging.StreamHandler]
    for handler in own:
        logger.removeHandler(handler)
    try:
        yield
    finally:
        for handler in own:
            logger.addHandler(handler)


@contextlib.contextmanager
def _warnings_of_others() -> Iterator[None]:
    """Prints what other libraries warn of.

    Python would do so unasked, but then Lightning, when it is imported later, would find no handler and add one.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda record: not record.name.startswith(_CONSOLE))
    handler.addFilter(Redactor())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _LogFile(logging.FileHandler):
    """A log that finds no room is silent; the files that matter raise."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Does without the record."""


def _file_handler(path: Path) -> logging.Handler:
    handler = _LogFile(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    return handler


@contextlib.contextmanager
def _handling(handler: logging.Handler, names: tuple[str, ...]) -> Iterator[None]:
    handler.addFilter(Redactor())
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        with contextlib.suppress(OSError):
            handler.close()
