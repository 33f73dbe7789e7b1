"""Reads from Graft's own source which rooms there are and who imports whom; nothing of it is imported."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FOR_ALL = "errors"  # a module that everybody may know, and no arrow leads to


@dataclass
class Room:
    """A folder of the package.

    Attributes:
        name: Of the folder.
        summary: The first sentence of its docstring.
        files: How many modules it has.
        lines: How many lines these have.
        knows: The rooms that its modules import from, wherever in the module.
        knows_above: Modules beside the rooms that it imports, as no room should.
    """

    name: str
    summary: str
    files: int = 0
    lines: int = 0
    knows: set[str] = field(default_factory=set)
    knows_above: set[str] = field(default_factory=set)


def read_rooms(package: Path) -> dict[str, Room]:
    """Returns the rooms of a package by name."""
    names = sorted(path.parent.name for path in package.glob("*/__init__.py"))
    return {name: _room(package / name, names) for name in names}


def modules_above(package: Path) -> dict[str, str]:
    """Returns the modules beside the rooms, with the first sentence of each one's docstring."""
    paths = sorted(path for path in package.glob("*.py") if not path.stem.startswith("__") and path.stem != _FOR_ALL)
    return {path.stem: first_sentence(ast.parse(path.read_text(encoding="utf-8"))) for path in paths}


def layers(rooms: dict[str, Room]) -> list[list[str]]:
    """Returns the rooms' names in layers, from those that know no other; rooms that know each other share one."""
    reached = {name: _reached(name, rooms) for name in rooms}
    level: dict[str, int] = {}

    def find(name: str) -> int:
        if name not in level:
            circle = {name, *(other for other in reached[name] if name in reached[other])}
            below = set().union(*(rooms[each].knows for each in circle)) - circle
            level.update(dict.fromkeys(circle, 1 + max(map(find, below), default=-1)))
        return level[name]

    top = max(map(find, rooms))
    return [[name for name in rooms if level[name] == number] for number in range(top + 1)]


def arrows(rooms: dict[str, Room]) -> list[tuple[str, str]]:
    """Returns who knows whom, without what follows from the other arrows."""
    reached = {name: _reached(name, rooms) for name in rooms}
    found = []
    for name, room in rooms.items():
        for known in sorted(room.knows):
            others = {other for other in room.knows - {known} if name not in reached[other]}
            if not any(known in reached[other] for other in others):
                found.append((name, known))
    return found


def commands(package: Path) -> dict[str, str]:
    """Returns the modules that are commands, with each one's name on the command line, by how they begin: `graft …`."""
    begins = {name: re.match(r"`graft ([a-z]+)`: ", said) for name, said in modules_above(package).items()}
    return {name: match[1] for name, match in begins.items() if match}


def first_sentence(node: ast.Module | ast.FunctionDef | ast.ClassDef) -> str:
    """Returns how a docstring begins, in one line; "" where there is none."""
    docstring = " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\w)[.;] ", docstring)[0].rstrip(".")


def imported(tree: ast.AST) -> Iterator[str]:
    """Yields the modules that a module imports, at its top or inside its functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def _room(folder: Path, names: list[str]) -> Room:
    room = Room(folder.name, first_sentence(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))))
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        room.files += 1
        room.lines += text.count("\n")
        units = {module.split(".")[1] for module in imported(ast.parse(text)) if module.startswith("graft.")}
        room.knows |= units & set(names) - {room.name}
        room.knows_above |= units - set(names) - {_FOR_ALL}
    return room


def _reached(name: str, rooms: dict[str, Room]) -> set[str]:
    found: set[str] = set()
    ahead = [*rooms[name].knows]
    while ahead:
        if (known := ahead.pop()) not in found:
            found.add(known)
            ahead += rooms[known].knows
    return found
