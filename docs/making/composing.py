"""Follows the defaults of the files in configs/: which others a file begins as or chooses, and what they make."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_PACKAGE = re.compile(r"^# @package (\S+)$", re.MULTILINE)


def prefix(configs: Path, path: Path) -> str:
    """Returns what stands before a file's keys on the command line: Hydra's package."""
    said = _PACKAGE.search(path.read_text(encoding="utf-8"))
    package = said[1] if said else path.parent.relative_to(configs).as_posix().replace("/", ".")
    return "" if package in ("_global_", ".") else package


def defaults(configs: Path, path: Path) -> tuple[list[str], list[str]]:
    """Returns the names of the choices that a file begins as, and what else it chooses, as on the command line."""
    begins: list[str] = []
    overrides: list[str] = []
    for group, choice in _entries(path):
        if not group:
            begins += [choice] if choice != "_self_" else []
        else:
            whole = group[1:] if group.startswith("/") else (path.parent / group).relative_to(configs).as_posix()
            overrides.append(f"{whole}={_as_typed(choice)}")
    return begins, overrides


def chosen(configs: Path, path: Path) -> Iterator[Path]:
    """Yields the files that a file begins as or chooses, as far as they are Graft's."""
    for group, choice in _entries(path):
        folder = configs / group[1:] if group.startswith("/") else path.parent / group
        for name in choice if isinstance(choice, list) else [choice]:
            if (file := folder / f"{name}.yaml").is_file():
                yield file


@cache
def targets(configs: Path, path: Path) -> dict[str, str]:
    """Returns the class of each node, by its full key, of a file and of those that it begins as or chooses."""
    found: dict[str, str] = {}
    for file in chosen(configs, path):
        found |= targets(configs, file)
    return found | dict(nodes(yaml.safe_load(path.read_text(encoding="utf-8")), prefix(configs, path)))


def nodes(content: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yields each mapping with a `_target_` in what was read from a file: its full key, and the class.

    Args:
        content: What was read.
        key: The key that it is found under.
    """
    if isinstance(content, dict):
        if "_target_" in content:
            yield key, str(content["_target_"])
        for name, value in content.items():
            yield from nodes(value, f"{key}.{name}" if key else str(name))


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of the defaults: group, "" for the file's own, and choice."""
    for entry in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("defaults", []):
        for group, choice in [("", entry)] if isinstance(entry, str) else entry.items():
            yield group.removeprefix("override ").removeprefix("optional "), choice


def _as_typed(choice: Any) -> str:
    return "null" if choice is None else f"[{','.join(choice)}]" if isinstance(choice, list) else str(choice)
