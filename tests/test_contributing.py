"""What is said to those who work on Graft is so: the map of the rooms, versions, links."""

import ast
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "graft"
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported(file):
    """The parts of Graft that a file imports, at the top or inside."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name and name.startswith("graft."))


def test_the_map_of_the_rooms_is_that_of_the_code():
    rows = re.findall(r"^\| `(\w+)` \| .+ \|(.*)\|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    said = {room: set(re.findall(r"`(\w+)`", imports)) for room, imports in rows}
    files = {room: (PACKAGE / room).rglob("*.py") for room in ROOMS}
    found = {room: {name for file in files[room] for name in imported(file)} - {room, "errors"} for room in ROOMS}
    assert found == said


def test_ci_runs_every_supported_python():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert pythons == [f"3.{minor}" for minor in range(int(low), int(high))]


def test_the_version_is_the_same_wherever_it_stands():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == PROJECT["version"]
    assert cited["license"] in PROJECT["license"].split(" AND ")
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^(## \[{PROJECT['version']}\]|What will be {PROJECT['version']},)", changelog, re.MULTILINE)


def test_links_lead_somewhere():
    pages = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
    links = [link for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())]
    assert links
    assert not [link for link in links if not (ROOT / link).is_file()]
