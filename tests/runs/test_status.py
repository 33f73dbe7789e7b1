import dataclasses
import json
import os
import socket
import sys

import pytest

from graft.errors import GraftError, Interrupted
from graft.runs.status import State, Status, command_line, read_status

RUNNER = """
import sys
from pathlib import Path
from graft.runs.status import Status
Status.begin().write(Path(sys.argv[1]))
print("ready", flush=True)
input()
"""


def test_a_running_status_of_a_living_process_is_running_and_of_a_killed_one_killed(tmp_path, python):
    path = tmp_path / "status.json"
    process = python(RUNNER, path)
    process.stdout.readline()
    assert read_status(path).state is State.RUNNING
    process.kill()
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    assert read_status(path).state is State.KILLED, "also while its parent has not collected it"
    process.wait()
    assert read_status(path).state is State.KILLED


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_another_process_with_the_same_number_is_not_the_run(tmp_path):
    path = tmp_path / "status.json"
    dataclasses.replace(Status.begin(), process="1").write(path)
    assert read_status(path).state is State.KILLED


def test_how_a_run_ends():
    begun = Status.begin()
    assert begun.end().state is State.DONE
    assert begun.end().ended is not None
    assert begun.end(Interrupted(15)).state is State.INTERRUPTED
    assert begun.end(KeyboardInterrupt()).state is State.INTERRUPTED
    mended_by_user = begun.end(GraftError("the root is missing"))
    assert (mended_by_user.state, mended_by_user.message) == (State.FAILED, "the root is missing")
    assert mended_by_user.traceback is None
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError as error:
        bug = begun.end(error)
    assert bug.state is State.FAILED
    assert "test_how_a_run_ends" in bug.traceback


def test_continuations_are_counted():
    first = Status.begin()
    assert [first.resumed, Status.begin(first).resumed, Status.begin(Status.begin(first)).resumed] == [0, 1, 2]


def test_no_secret_and_no_host_name_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", 'hf_"abcdef')
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/graft", "train", 'name=hf_"abcdef'])
    path = tmp_path / "status.json"
    Status.begin().end(ValueError('no access with hf_"abcdef')).write(path)
    written = json.loads(path.read_text())
    assert "abcdef" not in path.read_text()
    assert written["command"] == "graft train name=***" or written["command"] == "graft train 'name=***'"
    assert written["message"] == "no access with ***"
    assert socket.gethostname() not in written.values()


@pytest.mark.parametrize(
    ("program", "typed"), [("/somewhere/graft", "graft"), ("/somewhere/graft/__main__.py", "python -m graft")]
)
def test_the_command_line_can_be_typed_again(monkeypatch, program, typed):
    monkeypatch.setattr(sys, "argv", [program, "train", "name=my cells"])
    assert command_line() == f"{typed} train 'name=my cells'"


@pytest.mark.parametrize("text", ["{", "[]", '{"state": "unheard of"}', "{}", '{"state": "done"}'])
def test_a_damaged_status_is_named(tmp_path, text):
    path = tmp_path / "status.json"
    path.write_text(text)
    with pytest.raises(GraftError, match=f"{path} is damaged"):
        read_status(path)


def test_an_empty_status_of_a_run_that_had_begun_is_unreadable(tmp_path):
    (tmp_path / "status.json").touch()
    (tmp_path / "config.yaml").touch()
    with pytest.raises(GraftError, match="is unreadable: it is empty, as after a power cut"):
        read_status(tmp_path / "status.json")


def test_an_empty_status_is_a_kill_in_the_moment_of_the_claim(tmp_path):
    path = tmp_path / "status.json"
    path.touch()
    assert read_status(path).state is State.KILLED


def test_a_missing_status_is_an_error(tmp_path):
    with pytest.raises(GraftError, match="not the folder of a run"):
        read_status(tmp_path / "status.json")
