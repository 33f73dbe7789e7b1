"""What the text of a file in configs/ says beside its keys and values."""

import re
from typing import Any

import yaml


def header(text: str) -> tuple[list[str], list[str]]:
    """Returns the paragraphs and the command lines of the comment that opens a file."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line[1:].removeprefix(" "))
    commands = [line.strip() for line in lines if line.startswith("  ")]
    told = "\n".join("" if line.startswith("  ") else line for line in lines)
    return [" ".join(part.split()) for part in re.split(r"\n\n+", told) if part.strip()], commands


def of_groups(text: str) -> dict[str, str]:
    """Returns the comments beside the entries of a file's defaults, by group."""
    return dict(re.findall(r"^  - (?:optional )?(\w+): [^#\n]*# (.+)$", text, re.MULTILINE))


def above(lines: list[str], name: Any) -> str:
    """Returns the whole lines of comment above a key; the header is told apart by the blank line below it."""
    found: list[str] = []
    row = name.start_mark.line - 1
    while row >= 0 and lines[row].strip().startswith("#"):
        found.insert(0, lines[row].strip().lstrip("# "))
        row -= 1
    return "" if row < 0 else " ".join(found)


def beside(lines: list[str], name: Any, value: Any) -> str:
    """Returns the comment behind a value, or, where the value has lines of its own, behind the key."""
    has_lines = value.style in ("|", ">") if isinstance(value, yaml.ScalarNode) else not value.flow_style
    mark = (name if has_lines else value).end_mark
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    match = re.match(r"\s*:?\s*#\s?(.*)", rest)
    return match[1].strip() if match else ""


def as_written(node: Any, text: str) -> str:
    """Returns a value as the file has it; the items of a list that has lines of its own, one in each line."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return "\n".join(f"- {as_written(item, text)}" for item in node.value)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return "(a text)"
    return " ".join(text[node.start_mark.index : node.end_mark.index].split())
