"""Reads the files in configs/ with their comments: what each key holds, may hold, and means."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml

from graft.config.check import words
from graft.config.schema import COMMANDS, HYDRA_KEYS, TARGETS

_PACKAGE = re.compile(r"^# @package (\S+)$", re.MULTILINE)


@dataclass
class Key:
    """A key of a file.

    Attributes:
        name: Its full name, as on the command line.
        value: As the file has it; of a mapping the class that it makes, or "".
        takes: What the schema lets stand there; "" where it does not say.
        means: The comment beside it and above it.
        opens: Whether it is a mapping, whose keys follow.
    """

    name: str
    value: str
    takes: str
    means: str
    opens: bool


@dataclass
class Choice:
    """A file of a group.

    Attributes:
        name: As on the command line; with the folder, where that is in the group's.
        says: The sentences of its header.
        commands: The command lines of its header.
        begins: Names of the choices that it begins as.
        overrides: What else its defaults say: other groups and their choices.
        makes: The class or function that it configures, or "".
        keys: Its own, in the file's order.
    """

    name: str
    says: list[str]
    commands: list[str]
    begins: list[str]
    overrides: list[str]
    makes: str
    keys: list[Key] = field(default_factory=list)


def read_choice(configs: Path, path: Path) -> Choice:
    """Reads one file.

    Args:
        configs: The folder of all of them.
        path: The file, below it.
    """
    text = path.read_text(encoding="utf-8")
    root: Any = yaml.compose(text)
    group = path.parent.relative_to(configs).as_posix()
    prefix = _prefix(configs, path)
    says, commands = _header(text)
    begins, overrides = _defaults(configs, path)
    own = _targets(configs, path)
    targets = _targets(configs, configs / "train.yaml") | own
    schema = COMMANDS[path.stem] if group == "." else COMMANDS["train"]
    keys = [] if root is None else list(_keys(root, text, prefix, targets, schema))
    page = group.partition("/")[0]
    name = path.relative_to(configs / page).with_suffix("").as_posix() if group != "." else path.stem
    return Choice(name, says, commands, begins, overrides, own.get(prefix, ""), keys)


def _prefix(configs: Path, path: Path) -> str:
    """What stands before a file's keys on the command line: Hydra's package."""
    said = _PACKAGE.search(path.read_text(encoding="utf-8"))
    package = said[1] if said else path.parent.relative_to(configs).as_posix().replace("/", ".")
    return "" if package in ("_global_", ".") else package


def _header(text: str) -> tuple[list[str], list[str]]:
    """The paragraphs and the command lines of the comment that opens a file."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line[1:].removeprefix(" "))
    commands = [line.strip() for line in lines if line.startswith("  ")]
    told = "\n".join("" if line.startswith("  ") else line for line in lines)
    return [" ".join(part.split()) for part in re.split(r"\n\n+", told) if part.strip()], commands


def _defaults(configs: Path, path: Path) -> tuple[list[str], list[str]]:
    begins: list[str] = []
    overrides: list[str] = []
    for entry in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("defaults", []):
        if isinstance(entry, str):
            begins += [entry] if entry != "_self_" else []
        else:
            overrides += [f"{group.removeprefix('override ').lstrip('/')}={_said(to)}" for group, to in entry.items()]
    return begins, overrides


def _said(choice: Any) -> str:
    return "null" if choice is None else f"[{','.join(choice)}]" if isinstance(choice, list) else str(choice)


@cache
def _targets(configs: Path, path: Path) -> dict[str, str]:
    """The class of each node, by its full key, of the file, of those that it begins as and of those that it chooses."""
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    found: dict[str, str] = {}
    for entry in content.get("defaults", []):
        for group, choice in [("", entry)] if isinstance(entry, str) else entry.items():
            name = group.removeprefix("override ")
            folder = configs / name[1:] if name.startswith("/") else path.parent / name
            file = folder / f"{choice}.yaml"
            if file.is_file():
                found |= _targets(configs, file)
    return found | dict(_nodes(content, _prefix(configs, path)))


def _nodes(content: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        if "_target_" in content:
            yield key, str(content["_target_"])
        for name, value in content.items():
            yield from _nodes(value, f"{key}.{name}" if key else str(name))


def _keys(node: Any, text: str, prefix: str, targets: dict[str, str], schema: Any) -> Iterator[Key]:
    """Goes through a mapping, and through the mappings in it that are written line by line."""
    lines = text.splitlines()
    for name, value in node.value:
        key = f"{prefix}.{name.value}" if prefix else name.value
        if name.value in HYDRA_KEYS or name.value == "defaults":
            continue
        opens = isinstance(value, yaml.MappingNode) and not value.flow_style
        means = " ".join(part for part in (_above(lines, name), _beside(lines, name if opens else value)) if part)
        source = targets.get(key, "") if opens else _source(value, text)
        yield Key(key, source, "" if opens else _takes(key, targets, schema), means, opens)
        if opens:
            yield from _keys(value, text, key, targets, schema)


def _above(lines: list[str], name: Any) -> str:
    """The whole lines of comment above a key; the header of a file is told apart by the blank line below it."""
    found: list[str] = []
    row = name.start_mark.line - 1
    while row >= 0 and lines[row].strip().startswith("#"):
        found.insert(0, lines[row].strip().lstrip("# "))
        row -= 1
    return "" if row < 0 else " ".join(found)


def _beside(lines: list[str], node: Any) -> str:
    """The comment behind a value; of a text over several lines or a list, none."""
    mark = node.end_mark
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    match = re.match(r"\s*:?\s*#\s?(.*)", rest)
    return match[1].strip() if match else ""


def _source(node: Any, text: str) -> str:
    """A value as the file has it; the items of a list that is written line by line, one in each line."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return "\n".join(f"- {_source(item, text)}" for item in node.value)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return "(a text)"
    return " ".join(text[node.start_mark.index : node.end_mark.index].split())


def _takes(key: str, targets: dict[str, str], schema: Any) -> str:
    """What the schema says of a key: of the innermost class around it that Graft has a schema of."""
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        known = TARGETS.get(targets.get(".".join(parts[:length]), ""))
        if known is not None:
            return _descended(known, parts[length:])
    return _descended(schema, parts)


def _descended(schema: Any, parts: list[str]) -> str:
    for number, name in enumerate(parts):
        hint = get_type_hints(schema, include_extras=True).get(name)
        if hint is None:
            return ""
        if number == len(parts) - 1:
            return words(hint)
        schema = next((each for each in (hint, *get_args(hint)) if is_dataclass(each)), None)
        if schema is None:
            return ""
    return ""
