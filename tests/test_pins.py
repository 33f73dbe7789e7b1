"""One resolution, written for two installers, and no registry's host in what is committed."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_both_installers_get_the_same_pins():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    assert pyproject["tool"]["uv"]["constraint-dependencies"] == pins
    assert all(re.match(r"^[\w.-]+==\S+( ;.*)?$", pin) for pin in pins)


def test_every_requirement_is_pinned():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    extras = [
        needs for some in (project["optional-dependencies"], groups) for extra in some.values() for needs in extra
    ]
    named = {re.split(r"[^\w.-]", needs)[0] for needs in [*project["dependencies"], *extras]} - {"graft"}
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert named <= pinned


def test_no_lock_file_is_tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in listed if re.search(r"(uv\.lock|pylock.*\.toml|poetry\.lock)$", name)]
