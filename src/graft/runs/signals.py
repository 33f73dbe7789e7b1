"""Ctrl-C and SIGTERM: at once, or, where a training can be saved first, after the step that is being done."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from graft.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NOTICE = "stopping after this step and writing a checkpoint; press Ctrl-C again to stop at once\n"


class SignalHandler:
    """What happens on a signal.

    Attributes:
        is_graceful: Whether someone looks at `requested` often and will stop. While it is set, the first signal is
            only noted; without it, and at the second signal, `Interrupted` is raised wherever the program stands.
        requested: The number of the signal that was noted, or None.
    """

    def __init__(self) -> None:
        self.is_graceful = False
        self.requested: int | None = None
        self._pid = os.getpid()

    def __call__(self, signum: int, _: FrameType | None) -> None:
        """Called by Python, in the main thread, between two of its instructions."""
        if os.getpid() != self._pid:
            _in_forked_worker(signum)
        elif self.is_graceful and self.requested is None:
            self.requested = signum
            with contextlib.suppress(OSError):  # a closed stderr must not cost the checkpoint
                os.write(2, _NOTICE.encode())  # not print, which a signal may find in the middle of another print
        else:
            raise Interrupted(signum)

    def install(self) -> None:
        """Takes the signals over, also from a handler that something else put in between."""
        if threading.current_thread() is threading.main_thread():
            for signum in _SIGNALS:
                signal.signal(signum, self)

    @contextlib.contextmanager
    def graceful(self) -> Iterator[None]:
        """A stretch that looks at `requested` itself.

        Raises:
            Interrupted: At its end, when a signal was noted and nobody stopped for it.
        """
        self.is_graceful = True
        try:
            yield
        finally:
            self.is_graceful = False
        self.stop_if_requested()

    def stop_if_requested(self) -> None:
        """Raises `Interrupted` when a signal was noted."""
        if self.requested is not None:
            raise Interrupted(self.requested)


@contextlib.contextmanager
def signals() -> Iterator[SignalHandler]:
    """Handles Ctrl-C and SIGTERM inside, and gives them back to their old handlers at the end.

    In another thread than the main one, where Python allows no handlers, they stay with their old ones.

    Raises:
        Interrupted: At a signal; at the end for one that was noted and that nobody stopped for.
    """
    handler = SignalHandler()
    old = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    handler.install()
    try:
        yield handler
    finally:
        _restore(old)
    handler.stop_if_requested()


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Signals that arrive inside take effect at the end: for the few milliseconds of a last word to a file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    old = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    for signum in _SIGNALS:
        signal.signal(signum, lambda number, _: arrived.append(number))
    try:
        yield
    finally:
        _restore(old)
    if arrived:
        signal.raise_signal(arrived[0])


def _restore(old: dict[signal.Signals, "signal._HANDLER"]) -> None:
    if threading.current_thread() is threading.main_thread():
        for signum, handler in old.items():
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)


def _in_forked_worker(signum: int) -> None:
    """A loader process forked from ours: Ctrl-C in a terminal reaches it too, but ending it is its parent's affair."""
    if signum == signal.SIGTERM:
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
