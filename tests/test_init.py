"""`graft init` makes of this checkout a project that compiles, composes and is formatted under another name."""

import compileall
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graft.config import locate

ROOT = Path(__file__).parents[1]
CREDITED = {"NOTICE", "README.md", ".copier-answers.yml"}


def git(folder, *words):
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clean clone of this checkout as it is now."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Someone")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "someone@example.org")
    clone = tmp_path / "clone"
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)
    git(tmp_path, "init", "--quiet", clone)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "as it is now")
    monkeypatch.setattr(locate, "__file__", str(clone / "src" / "graft" / "config" / "locate.py"))
    return clone


@pytest.fixture
def project(clone, graft, tmp_path, capsys):
    """The project that is made of it."""
    assert graft("init", "orchard", "--defaults") == 0, capsys.readouterr().err
    assert "uv run orchard train debug=fast" in capsys.readouterr().out
    return tmp_path / "orchard"


def test_the_project_has_its_own_name_everywhere_and_works(project):
    files = [project / name for name in git(project, "ls-files", "-z").split("\0") if name]
    assert git(project, "status", "--porcelain") == ""
    assert len(files) > 500
    left = {path.relative_to(project).as_posix() for path in files if re.search(rb"(?i)graft", path.read_bytes())}
    assert left | {".copier-answers.yml"} == CREDITED, "the answers name a path or an address"
    assert not [path for path in files if "graft" in path.relative_to(project).as_posix()]
    readme = (project / "README.md").read_text()
    assert readme.lower().count("graft") == 2, "the line of credit"
    assert compileall.compile_dir(project / "src", quiet=1)
    assert compileall.compile_dir(project / "tests", quiet=1)
    for words in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *words, "--no-cache", str(project)], check=True)
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    for words, said in [(["--help"], "orchard train"), (["train", "--cfg", "job"], "_target_: orchard.data.ELPV")]:
        command = [sys.executable, "-m", "orchard", *words]
        assert said in subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_mistakes_are_told_before_anything_is_made(clone, graft, tmp_path, capsys):
    before = set(tmp_path.iterdir())
    for words, code, said in [
        (["class", "--defaults"], 2, "a word of Python itself"),
        (["orchard"], 2, "add --defaults"),
        (["orchard", "--defaults", "--into", clone / "docs"], 2, "is not empty"),
    ]:
        assert graft("init", *words) == code
        assert said in capsys.readouterr().err
    (clone / "notes.txt").write_text("")
    assert graft("init", "orchard", "--defaults") == 1
    assert "notes.txt" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) == before
    assert graft("init", "--help") == 0
    assert "Usage: graft init" in capsys.readouterr().out


@pytest.mark.slow
def test_the_projects_own_suite_passes(project):
    """Half an hour: both of its commands, in an environment of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "VIRTUAL_ENV"))}
    for words in (["orchard", "train", "debug=fast"], ["pytest", "-q"]):
        subprocess.run(["uv", "run", *words], cwd=project, env=environment, check=True)
