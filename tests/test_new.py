"""`graft new`: what it writes passes its own tests, it never overwrites, and says what to do."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import graft.backbones
import graft.data
import graft.tasks
from graft.config import locate
from graft.errors import ConfigError, GraftError
from graft.new import new
from graft.scaffolding import writing
from graft.scaffolding.asking import BASES, Wish
from graft.scaffolding.templates import files

ROOT = Path(__file__).parents[1]
ALL = [
    (kind, base, f"my_{base}" if len(bases) > 1 else f"my_{kind}") for kind, bases in BASES.items() for base in bases
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A clone that Graft's own files are looked for in, with no more of the code than `graft new` adds to."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "configs", project / "configs")
    shutil.copy(ROOT / "pyproject.toml", project / "pyproject.toml")
    (project / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", project / "tests" / "conftest.py")
    monkeypatch.setattr(locate, "__file__", str(project / "src" / "graft" / "config" / "locate.py"))
    for room in (graft.backbones, graft.data, graft.tasks):
        name = room.__name__.rpartition(".")[2]
        monkeypatch.setattr(room, "__path__", [*room.__path__, str(project / "src" / "graft" / name)])
    before = set(sys.modules)
    yield project
    for name in set(sys.modules) - before:
        if ".my_" in name:
            del sys.modules[name]


def written(project):
    """The files of a project, by path."""
    return {path.relative_to(project).as_posix(): path for path in project.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_what_is_written_passes_its_own_tests_and_is_formatted(project, capfd):
    before = written(project)
    for kind, base, name in ALL:
        new(
            [
                kind,
                name,
                *([f"base={base}"] if len(BASES[kind]) > 1 else []),
                *(["model=test_vit"] if base == "timm" else []),
            ]
        )
        assert f"graft train {kind}={name}" in capfd.readouterr().out
    added = written(project).keys() - before.keys()
    assert len(added) == 2 * len(ALL) + 3, "a YAML file and a test each, and Python for three"
    assert not [name for name in added if "@" in written(project)[name].read_text().replace("# @package", "")]
    importlib.invalidate_caches()
    tests = sorted(str(project / name) for name in added if name.startswith("tests/"))
    code = pytest.main(["-q", "-n0", "-p", "no:faulthandler", "-c", str(project / "pyproject.toml"), *tests])
    said = capfd.readouterr().out
    assert code == 0, said
    assert f"{len(ALL) + 2} passed" in said
    ours = ["--no-cache", "--config", "lint.isort.known-first-party=['graft']"]  # of which the clone has too little
    for words in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *words, *ours, str(project)], check=True)


def test_the_longest_name_makes_no_line_too_long():
    for kind, bases in BASES.items():
        for base in bases:
            texts = files(Wish(kind, "x" * 30, base, "resnet18"))
            assert max(len(line) for text in texts.values() for line in text.splitlines()) <= 120, (kind, base)


def test_a_file_is_never_overwritten(project):
    new(["strategy", "mine"])
    path = project / "configs/strategy/mine.yaml"
    path.write_text("my own work\n")
    with pytest.raises(ConfigError, match=re.escape("configs/strategy/mine.yaml is there already")):
        new(["strategy", "mine"])
    assert path.read_text() == "my own work\n"
    before = written(project).keys()
    (project / "tests/data").mkdir()
    (project / "tests/data/test_images.py").write_text("")
    with pytest.raises(ConfigError, match=re.escape("tests/data/test_images.py is there already")):
        new(["datamodule", "images"])
    assert written(project).keys() - before == {"tests/data/test_images.py"}, "all files or none"


def test_a_stop_in_the_midst_leaves_nothing(project, monkeypatch):
    before = written(project).keys()

    monkeypatch.setattr("graft.new.files", lambda wish: {"configs/a.yaml": "a", "configs/b.yaml": None})
    with pytest.raises(TypeError):
        new(["strategy", "mine"])
    assert written(project).keys() == before
    (project / "file").write_text("")
    with pytest.raises(GraftError, match="cannot be written"):
        writing.write(project, {"configs/a.yaml": "a", "file/b.yaml": "b"})
    assert written(project).keys() == before | {"file"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "takes a kind and a name"),
        ("strategy", "takes a kind and a name"),
        ("strategy a b", "takes a kind and a name"),
        ("stratgy mine", "Did you mean 'strategy'?"),
        ("strategy Mine-One", "such as mine_one"),
        ("strategy 7th", "is no name for a choice"),
        ("strategy ../mine", "is no name for a choice"),
        ("strategy " + "x" * 31, "longer than 30 characters"),
        ("strategy class", "means something else in Python"),
        ("strategy null", "means something else in Python or in YAML"),
        ("strategy lora", "configs/strategy/lora.yaml is there already"),
        ("datamodule mine base=imagefolder", "Did you mean 'image_folder'"),
        ("datamodule mine model=x", "knows no 'model', only base"),
        ("backbone mine base=python model=resnet18", "graft new backbone base=python knows no 'model', only base"),
        ("backbone mine base=pyton", "Did you mean 'python'"),
        ("strategy mine base=x", "knows no 'base'"),
        ("backbone mine 'model=a: b'", "is no name of a network"),
    ],
)
def test_what_cannot_be_written_is_told(project, line, said):
    before = written(project).keys()
    with pytest.raises(ConfigError, match=re.escape(said)):
        new(shlex.split(line))
    assert written(project).keys() == before


def test_an_installed_package_is_not_written_into(project):
    shutil.rmtree(project / "tests")
    with pytest.raises(GraftError, match=r"(?s)work|clone.*graft init.*--config-dir <folder> strategy=mine"):
        new(["strategy", "mine"])


def test_the_commands_of_the_page_write_what_it_names(project, graft):
    page = (ROOT / "docs" / "extend.md").read_text()
    lines = re.findall(r"^(?:.*`)?graft (new [^`\n]+)", page, re.MULTILINE)
    assert {line.split()[1] for line in lines} == set(BASES)
    before = written(project).keys()
    for line in lines:
        assert graft(*shlex.split(line)) == 0, line
    added = written(project).keys() - before
    assert set(re.findall(r"`((?:configs|tests|src)/[\w/]+\.\w+)`", page)) <= added


def test_the_command_line(project, graft, capsys):
    assert graft("new", "--help") == 0
    assert "Usage: graft new datamodule" in capsys.readouterr().out
    assert graft("new", "strategy", "class") == 2
    assert graft("new", "strategy", "mine") == 0
    assert capsys.readouterr().out.splitlines()[0] == "wrote configs/strategy/mine.yaml"
    assert graft("train", "strategy=mine", "--cfg", "job") == 0
