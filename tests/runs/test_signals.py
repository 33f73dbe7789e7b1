import os
import signal
import time

import pytest

from graft.errors import Interrupted
from graft.runs.signals import shielded, signals


def send(*numbers):
    """Sends signals to this process, and gives each time to take effect."""
    for number in numbers:
        os.kill(os.getpid(), number)
        time.sleep(0.01)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_once_where_nothing_can_be_saved(signum):
    with pytest.raises(Interrupted) as caught, signals():
        send(signum)
    assert caught.value.exit_code == 128 + signum


def test_in_a_graceful_stretch_the_first_signal_is_noted_and_said_once(capfd):
    noted = []

    def stretch():
        with signals() as handler, handler.graceful():
            send(signal.SIGTERM)
            noted.append(handler.requested)

    with pytest.raises(Interrupted):
        stretch()
    assert noted == [signal.SIGTERM]
    assert capfd.readouterr().err.count("press Ctrl-C again to stop at once") == 1


def test_the_second_signal_stops_at_once():
    reached = []

    def stretch():
        with signals() as handler, handler.graceful():
            send(signal.SIGINT)
            reached.append("after the first")
            send(signal.SIGTERM)
            reached.append("after the second")

    with pytest.raises(Interrupted) as caught:
        stretch()
    assert reached == ["after the first"]
    assert caught.value.signum == signal.SIGTERM


def test_the_old_handlers_come_back():
    old = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signals():
        assert signal.getsignal(signal.SIGINT) != old[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == old


def test_an_exception_inside_comes_out_and_no_other():
    def stretch():
        with signals() as handler, handler.graceful():
            send(signal.SIGINT)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        stretch()


def test_what_is_shielded_is_done_before_the_signal_takes_effect():
    done = []

    def last_words():
        with shielded():
            send(signal.SIGTERM, signal.SIGINT)
            done.append("written")
        done.append("not reached")

    with pytest.raises(Interrupted) as caught, signals():
        last_words()
    assert done == ["written"]
    assert caught.value.signum == signal.SIGTERM


FORKED = """
import os, signal, sys, time
from graft.runs.signals import signals
with signals() as handler:
    handler.is_graceful = True
    child = os.fork()
    if child == 0:
        time.sleep(float(sys.argv[2]))
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, getattr(signal, sys.argv[1]))
    _, status = os.waitpid(child, 0)
    print("signalled" if os.WIFSIGNALED(status) else "lived")
"""


@pytest.mark.parametrize(("signum", "seconds", "outcome"), [("SIGINT", 0.5, "lived"), ("SIGTERM", 10, "signalled")])
def test_a_forked_loader_lives_on_after_ctrl_c_and_ends_when_it_is_told_to(python, signum, seconds, outcome):
    out, err = python(FORKED, signum, seconds).communicate(timeout=20)
    assert out.strip() == outcome
    assert err == ""
