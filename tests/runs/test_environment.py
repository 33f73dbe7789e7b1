import json
import socket
import subprocess
import sys

import pytest
import torch

from graft.runs import environment
from graft.runs.environment import describe_git, describe_session


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        who = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        subprocess.run(["git", "-C", tmp_path, *who, *arguments], check=True, capture_output=True)

    git("init", "-b", "main")
    (tmp_path / "a b.py").write_text("1\n")
    (tmp_path / "c.py").write_text("1\n")
    git("add", ".")
    git("commit", "-m", "first")
    return tmp_path


def test_a_clean_checkout(checkout):
    state = describe_git(checkout)
    head = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert state == {"commit": head.stdout.strip(), "branch": "main", "changed": [], "diff_sha256": None}


def test_changes_are_named_and_told_apart(checkout):
    (checkout / "a b.py").write_text("2\n")
    (checkout / "new.py").write_text("\n")
    first = describe_git(checkout)
    assert first["changed"] == ["a b.py", "new.py"]
    (checkout / "a b.py").write_text("3\n")
    assert describe_git(checkout)["diff_sha256"] not in (None, first["diff_sha256"])
    subprocess.run(["git", "-C", checkout, "add", "-A"], check=True)
    assert "a b.py" in describe_git(checkout)["changed"], "staged changes count"


def test_no_branch_is_checked_out(checkout):
    subprocess.run(["git", "-C", checkout, "checkout", "-q", "--detach"], check=True)
    assert describe_git(checkout)["branch"] is None
    assert describe_git(checkout)["commit"] is not None


NOTHING = {"commit": None, "branch": None, "changed": None, "diff_sha256": None}


def test_outside_of_a_checkout_and_before_the_first_commit(tmp_path):
    assert describe_git(tmp_path) == NOTHING
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert describe_git(tmp_path) == NOTHING


def test_without_git(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert describe_git(checkout) == NOTHING


def test_a_session_says_what_the_run_was_made_with(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "hush-hush-hush")
    monkeypatch.setattr("sys.argv", ["graft", "train", "seed=3", "x=hush-hush-hush"])
    session = describe_session(seed=3)
    text = json.dumps(session)
    assert session["seed"] == 3
    assert session["command"].startswith("graft train seed=3")
    assert "hush" not in text
    assert session["python"] == ".".join(map(str, sys.version_info[:3]))
    assert session["packages"]["torch"] == torch.__version__.split("+")[0]
    assert {"graft", "hydra-core", "elpv-dataset"} <= set(session["packages"])
    assert session["device"]["cores"] >= 1
    assert socket.gethostname() not in (session["platform"], session["device"]["cpu"])


def test_the_state_of_the_user_s_own_code_counts_where_graft_is_an_installed_package(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "__file__", "/venv/lib/python3.11/site-packages/graft/runs/environment.py")
    assert environment.code_folder() == tmp_path
    package = tmp_path / "anywhere" / "graft"
    (package / "configs").mkdir(parents=True)  # a wheel's, wherever it was put
    monkeypatch.setattr(environment, "__file__", str(package / "runs" / "environment.py"))
    assert environment.code_folder() == tmp_path
