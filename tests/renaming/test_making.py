"""A small template becomes a project, and later changes of the template come into it, renamed."""

import shutil
import subprocess
from pathlib import Path

import pytest
from copier import run_update

from graft.errors import ConfigError, GraftError
from graft.renaming import making
from graft.renaming.apply import renamed
from graft.renaming.asking import check_name, understood

ROOT = Path(__file__).parents[2]
PACKAGE = making.__name__.partition(".")[0]
FILES = ["copier.yml", "pyproject.toml", "README.md", "CITATION.cff", "LICENSE", f"src/{PACKAGE}/errors.py"]
FILES += [f"src/{PACKAGE}/__init__.py", f"src/hydra_plugins/{PACKAGE}_sweeper.py", ".gitignore"]
FILES += [f"src/{PACKAGE}/renaming/first/NOTICE"]
FILES += [f"src/{PACKAGE}/renaming/{name}.py" for name in ("__init__", "apply", "asking", "making")]


def git(folder, *words):
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "as it is now")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of little more than what renames."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Someone")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "someone@example.org")
    clone = tmp_path / "clone"
    for name in FILES:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    git(clone.parent, "init", "--quiet", clone)
    commit(clone)
    return clone


def test_a_later_change_of_the_template_comes_in_renamed_and_ones_own_edit_stays(clone, tmp_path):
    project = tmp_path / "orchard"
    assert making.make(clone, project, "orchard", asks=False)
    assert git(project, "status", "--porcelain") == ""
    errors = project / "src/orchard/errors.py"
    errors.write_text(errors.read_text() + '\n\nMINE = "an edit of my own"\n')
    (project / "src/orchard/mine.py").write_text(f'"""Not of the template: {PACKAGE} stays {PACKAGE}."""\n')
    (project / "src/orchard/__init__.py").unlink()
    commit(project)

    source = clone / f"src/{PACKAGE}"
    text = (source / "errors.py").read_text()
    (source / "errors.py").write_text(text.replace("    exit_code = 1\n", "    exit_code = 1\n    url = None\n", 1))
    (source / "fresh.py").write_text(
        f'"""A new file."""\n\nfrom {PACKAGE}.errors import did_you_mean\nfrom hydra_plugins import {PACKAGE}_sweeper\n'
    )
    (clone / f"src/hydra_plugins/{PACKAGE}_sweeper.py").unlink()
    commit(clone)
    run_update(project, vcs_ref="HEAD", defaults=True, overwrite=True, unsafe=True, quiet=True)

    said = errors.read_text()
    assert "    exit_code = 1\n    url = None\n" in said
    assert said.endswith('MINE = "an edit of my own"\n')
    fresh = (project / "src/orchard/fresh.py").read_text()
    assert "from orchard.errors import did_you_mean" in fresh
    assert fresh.index("hydra_plugins") < fresh.index("orchard.errors"), "sorted under the new name"
    assert not (project / "src/hydra_plugins/orchard_sweeper.py").exists()
    assert not (project / "src/orchard/__init__.py").exists(), "what was removed on purpose stays so"
    assert PACKAGE == "orchard" or not (project / "src" / PACKAGE).exists()
    assert (project / "src/orchard/mine.py").read_text().count(PACKAGE) == 2
    assert git(clone, "rev-parse", "HEAD").strip() in (project / making.ANSWERS).read_text()
    changed = {line[3:] for line in git(project, "status", "--porcelain", "--no-renames").splitlines()}
    gone = "src/hydra_plugins/orchard_sweeper.py"
    assert changed == {making.ANSWERS, gone, "src/orchard/errors.py", "src/orchard/fresh.py"}


def test_another_licence_leaves_the_first_ones_notices(clone, tmp_path, monkeypatch):
    """Asked, as a user would answer."""
    import copier

    own = copier.run_copy

    def answering(*words, data, **rest):
        answers = {"licence": "MIT", "authors": 'Ann "A." Other', "demos": False}
        return own(*words, data={**data, **answers}, **rest | {"defaults": True})

    monkeypatch.setattr(copier, "run_copy", answering)
    making.make(clone, tmp_path / "orchard", "orchard", asks=True)
    project = (tmp_path / "orchard/pyproject.toml").read_text()
    assert 'license = "MIT AND Apache-2.0"' in project
    assert 'authors = [{ name = "Ann \\"A.\\" Other" }]' in project
    assert (tmp_path / "orchard/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    notice = (tmp_path / "orchard/NOTICE").read_text()
    assert f"began as a copy of {PACKAGE.capitalize()}" in notice
    assert "stays under that licence" in notice
    assert "under MIT" in notice


def test_what_stops_it_leaves_nothing(clone, tmp_path, monkeypatch):
    import copier

    def stopped(source, folder, **rest):
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    before = set(tmp_path.iterdir())
    monkeypatch.setattr(copier, "run_copy", stopped)
    with pytest.raises(KeyboardInterrupt):
        making.make(clone, tmp_path / "new" / "orchard", "orchard", asks=False)
    assert not list((tmp_path / "new").iterdir())
    assert set(tmp_path.iterdir()) == before | {tmp_path / "new"}
    monkeypatch.setitem(__import__("sys").modules, "copier", None)
    with pytest.raises(GraftError, match=r"the extra: pip install '\w+\[init\]'"):
        making.make(clone, tmp_path / "orchard", "orchard", asks=False)
    assert not (tmp_path / "orchard").exists()


def test_updates_come_from_where_the_clone_is_from(clone, tmp_path):
    git(tmp_path, "clone", "--quiet", clone, tmp_path / "second")
    making.make(tmp_path / "second", tmp_path / "orchard", "orchard", asks=False)
    assert f'_src_path: "{clone}"' in (tmp_path / "orchard" / making.ANSWERS).read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Orchard", "is no name for a package"),
        ("my-orchard", "is no name for a package"),
        ("7trees", "is no name for a package"),
        ("class", "a word of Python itself"),
        ("match", "a word of Python itself"),
        ("json", "standard library"),
        ("torch", "is installed here"),
        (PACKAGE, "cannot be called as what it is made from"),
        ("did_you_mean", f"src/{PACKAGE}/errors.py"),
    ],
)
def test_a_name_that_cannot_be_taken_is_told(clone, name, said):
    with pytest.raises(ConfigError, match=said):
        check_name(name, clone)


def test_a_folder_that_is_no_clean_clone_is_told(clone, tmp_path):
    making.check_clone(clone)
    (clone / "notes.txt").write_text("")
    with pytest.raises(GraftError, match=r"no commit holds \(notes.txt\)"):
        making.check_clone(clone)
    shutil.rmtree(clone / ".git")
    with pytest.raises(GraftError, match="is none: git clone it"):
        making.check_clone(clone)


def test_a_target_that_cannot_be_written_is_told(clone, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    for target, said in [("full", "is not empty"), ("full/file", "is a file"), ("clone/new", "lies in the clone")]:
        with pytest.raises(ConfigError, match=said):
            making.check_target(tmp_path / target, clone)
    (tmp_path / "empty").mkdir()
    making.check_target(tmp_path / "empty", clone)


def test_the_words_of_the_command_line():
    assert understood(["orchard", "--into", "there", "--defaults"]) == understood(
        ["--defaults", "--into=there", "orchard"]
    )
    assert understood(["orchard"]).asks
    for words in ([], ["a", "b"], ["a", "--into"], ["a", "--default"]):
        with pytest.raises(ConfigError):
            understood(words)


def test_all_three_spellings_have_the_new_name():
    old = f"{PACKAGE}.x {PACKAGE.capitalize()}Error {PACKAGE.upper()}_ROOT"
    assert renamed(old, "my_orchard") == "my_orchard.x MyOrchardError MY_ORCHARD_ROOT"
