"""The wheel and the sdist hold what they should, and the wheel works where there is no repository."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling import build

ROOT = Path(__file__).parents[1]
IGNORED = [
    "configs/local/default.yaml",
    "logs/runs/one/status.json",
    "src/graft/__pycache__/cli.pyc",
    ".env",
    "uv.lock",
]
NOT_TRACKED = "notes.txt"
TELL_THE_FILE = (
    "import sys, graft; print(graft.__file__); sys.argv[0] = 'graft'; from graft.cli import main; sys.exit(main())"
)


@pytest.fixture(scope="module")
def tracked():
    """What git knows, by names from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def tree(tracked, tmp_path_factory):
    """The repository as it looks where one works in it."""
    root = tmp_path_factory.mktemp("tree")
    for name in tracked:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for name in [*IGNORED, NOT_TRACKED]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("name: mine")
    return root


def built(kind, tree, to):
    """Builds as pip and uv do, and returns the archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        return to / getattr(build, f"build_{kind}")(str(to))


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return built("wheel", tree, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def away(wheel, tmp_path, monkeypatch):
    """An empty folder in which Python finds the wheel's Graft first."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    monkeypatch.delenv("GRAFT_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def names_in(wheel):
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_code_and_the_configs_and_nothing_of_this_machine(tracked, wheel):
    code = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    configs = {f"graft/{name}" for name in tracked if name.startswith("configs/")}
    assert names_in(wheel) == code | configs


def test_the_sdist_holds_what_git_knows_and_makes_the_same_wheel(tracked, tree, wheel, tmp_path):
    sdist = built("sdist", tree, tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    root = tmp_path / sdist.name.removesuffix(".tar.gz")
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert files == tracked | {"PKG-INFO"}, "name new files at the top in [tool.hatch.build.targets.sdist]"
    assert names_in(built("wheel", root, tmp_path)) == names_in(wheel)


def test_an_editable_installation_has_no_second_copy_of_the_configs(tree, tmp_path):
    names = names_in(built("editable", tree, tmp_path))
    assert {Path(name).suffix for name in names} == {".pth"}


def test_the_wheel_composes_away_from_the_repository(away):
    words = [sys.executable, "-c", TELL_THE_FILE, "train", "strategy=layerwise", "--cfg", "job"]
    told = subprocess.run(words, cwd=away, capture_output=True, text=True, check=True).stdout
    assert told.startswith(str(away.parent / "installed"))
    assert "name: layerwise" in told
    assert not list(away.iterdir())


@pytest.mark.slow
def test_the_wheel_trains_away_from_the_repository(away):
    subprocess.run([sys.executable, "-m", "graft", "train", "debug=fast"], cwd=away, check=True, env=dict(os.environ))
    assert [path.name for path in away.iterdir()] == ["logs"]
    assert len(list(away.glob("logs/runs/debug_fast/*/summary.json"))) == 1
