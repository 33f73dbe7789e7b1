"""Reads the files in configs/ with their comments: what each key holds, may hold, and means."""

from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from comments import above, as_written, beside, header
from composing import chosen, defaults, nodes, prefix, targets

from graft.config.check import words
from graft.config.schema import COMMANDS, HYDRA_KEYS, TARGETS

_Classes = dict[str, str]  # of nodes, by full key


@dataclass
class Key:
    """A key of a file.

    Attributes:
        name: Its full name, as on the command line.
        value: As the file has it; of a mapping the class that the file says it makes, or "".
        takes: What the schema lets stand there; "" where it does not say.
        means: The comment beside it and above it; where there is none, that of the same key in the files that this one
            begins as or chooses, else in those that `graft train` chooses when nothing is said.
        opens: Whether it is a mapping, whose keys follow.
    """

    name: str
    value: str
    takes: str
    means: str
    opens: bool

    @property
    def shown(self) -> bool:
        """Whether it is worth a row: all but mappings of which nothing is said, as the keys in them have full names."""
        return bool(self.means or self.value) or not self.opens


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
    says, commands = header(path.read_text(encoding="utf-8"))
    begins, overrides = defaults(configs, path)
    group = path.parent.relative_to(configs).as_posix()
    page = group.partition("/")[0]
    name = path.relative_to(configs / page).with_suffix("").as_posix() if group != "." else path.stem
    makes = targets(configs, path).get(prefix(configs, path), "")
    return Choice(name, says, commands, begins, overrides, makes, list(_explained(configs, path)))


def _explained(configs: Path, path: Path) -> Iterator[Key]:
    """The keys of a file, those without a comment with that of the same key elsewhere."""
    said = _said(configs, configs / "train.yaml") | _said(configs, path)
    for key in _read(configs, path):
        alike = (True,) if key.opens else (False, True)
        elsewhere = next((said[key.name, opens] for opens in alike if (key.name, opens) in said), "")
        yield key if key.means else replace(key, means=elsewhere)


@cache
def _said(configs: Path, path: Path) -> dict[tuple[str, bool], str]:
    """The comments of a file and of those that it begins as and chooses, by key and whether that opens a mapping."""
    found: dict[tuple[str, bool], str] = {}
    for file in chosen(configs, path):
        found |= _said(configs, file)
    return found | {(key.name, key.opens): key.means for key in _read(configs, path) if key.means}


@cache
def _read(configs: Path, path: Path) -> list[Key]:
    """The keys of a file, with its own comments alone."""
    text = path.read_text(encoding="utf-8")
    root: Any = yaml.compose(text)
    known = targets(configs, configs / "train.yaml") | targets(configs, path)
    schema = COMMANDS[path.stem] if path.parent == configs else COMMANDS["train"]
    made = dict(nodes(yaml.safe_load(text), prefix(configs, path)))
    return [] if root is None else list(_keys(root, text, prefix(configs, path), (known, made), schema))


def _keys(node: Any, text: str, under: str, classes: tuple[_Classes, _Classes], schema: Any) -> Iterator[Key]:
    """Goes through a mapping, and through the mappings in it that are written line by line."""
    lines = text.splitlines()
    known, made = classes
    for name, value in node.value:
        key = f"{under}.{name.value}" if under else name.value
        if name.value in HYDRA_KEYS or name.value == "defaults":
            continue
        within = dict(_within(value, key))
        means = " ".join(part for part in (above(lines, name), beside(lines, name, value)) if part)
        source = made.get(key, "") if within else as_written(value, text)
        yield Key(key, source, "" if within else _takes(key, known, schema), means, bool(within))
        for inner, content in within.items():
            yield from _keys(content, text, inner, classes, schema)


def _within(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """The mapping that opens below a key, or those in its list, each with the key that it is found under."""
    if _opens(node):
        yield key, node
    elif isinstance(node, yaml.SequenceNode) and all(_opens(item) for item in node.value) and not node.flow_style:
        yield from ((f"{key}.{number}", item) for number, item in enumerate(node.value))


def _opens(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _takes(key: str, classes: _Classes, schema: Any) -> str:
    """What the schema says of a key: of the innermost class around it that Graft has a schema of."""
    parts = [part for part in key.split(".") if not part.isdecimal()]  # of a list, all items are alike
    for length in range(len(parts) - 1, 0, -1):
        known = TARGETS.get(classes.get(".".join(parts[:length]), ""))
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
