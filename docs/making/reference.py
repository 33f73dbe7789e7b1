"""Makes the pages of the reference: one for each config group, and one for the commands' own keys."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from choices import Choice, Key, read_choice
from comments import of_groups

_COMMANDS = "commands"
_HELP = "help"  # the folder of hydra with what --help prints, which is no reference
_UNSAID = "what the user has to say"


@dataclass(frozen=True)
class Folders:
    """Where what is linked to lies: the config groups, and the pages that comments may name."""

    configs: Path
    docs: Path


def reference(configs: Path, docs: Path) -> dict[str, str]:
    """Returns the pages by their name below `reference/`, without `.md`.

    Args:
        configs: The folder of the config groups.
        docs: The folder of the pages that comments may name.
    """
    groups = {path.name: sorted(path.rglob("*.yaml")) for path in sorted(configs.iterdir()) if path.is_dir()}
    read = {group: [read_choice(configs, path) for path in paths] for group, paths in groups.items() if paths}
    read["hydra"] = [choice for choice in read["hydra"] if not choice.name.startswith(f"{_HELP}/")]
    told = of_groups((configs / "train.yaml").read_text(encoding="utf-8"))
    folders = Folders(configs, docs)
    commands = [
        read_choice(configs, configs / f"{name}.yaml")
        for name in ("train", "evaluate", "predict", "explain", "export", "demo", "shard")
    ]
    pages = {group: "\n".join(_page(group, told.get(group, ""), choices, folders)) for group, choices in read.items()}
    pages[_COMMANDS] = "\n".join(_commands_page(commands, folders))
    pages["index"] = "\n".join(_index(read, told))
    return dict(sorted(pages.items(), key=lambda page: (page[0] != "index", page[0] != _COMMANDS, page[0])))


def strategies(configs: Path) -> str:
    """Returns a table of the strategies with what the header of each file says."""
    choices = [read_choice(configs, path) for path in sorted((configs / "strategy").glob("*.yaml"))]
    rows = [f"| [`{choice.name}`](reference/strategy.md#{choice.name}) | {choice.says[0]} |" for choice in choices]
    return "\n".join(["| strategy | what it does |", "| --- | --- |", *rows])


def _index(groups: dict[str, list[Choice]], told: dict[str, str]) -> Iterator[str]:
    yield "# Reference\n"
    yield (
        "Every file in `configs/`, as it is: made anew whenever this site is built. `group=choice` takes a file,"
        " `key=value` changes a key, and several values are a [sweep](../sweeps.md). What a key takes is the schema's"
        " word; anything else is refused before a run begins. Where nothing stands there, the library that the value"
        " goes to looks at it. `graft train --cfg job` prints the whole configuration of a command line,"
        " `graft train --info defaults` where each value comes from.\n"
    )
    yield f"The keys of no group (`seed`, `monitor`, `cache`, …) are with the [commands]({_COMMANDS}.md).\n"
    yield "| group | says | choices |\n| --- | --- | --- |"
    for group, choices in groups.items():
        named = " · ".join(f"[`{choice.name}`]({group}.md#{_anchor(choice.name)})" for choice in choices)
        yield f"| [`{group}`]({group}.md) | {told.get(group, '')} | {named} |"
    yield (
        "\nTwo more have no file until you write one: `configs/local/default.yaml`, settings of this machine, which git"
        " ignores; and a file of your own in any group, [one for each dataset, backbone or strategy](../extend.md).\n"
    )


def _commands_page(commands: list[Choice], folders: Folders) -> Iterator[str]:
    yield "# What commands take\n"
    yield "The keys that are in no group. `graft <command> --help` has the groups and their choices.\n"
    for command in commands:
        yield f"## graft {command.name} {{#{command.name}}}\n"
        yield from _choice(command, folders, "")


def _page(group: str, told: str, choices: list[Choice], folders: Folders) -> Iterator[str]:
    yield f"# {group}\n"
    yield f"<p>{_html(told[:1].upper() + told[1:], folders)}.</p>\n" if told else ""
    for choice in choices:
        folder, _, name = choice.name.rpartition("/")
        said = f"{group}/{folder}={name}" if folder else f"{group}={name}"
        yield f"## {said if group != 'hydra' else choice.name} {{#{_anchor(choice.name)}}}\n"
        yield from _choice(choice, folders, f"{folder}/" if folder else "")


def _choice(choice: Choice, folders: Folders, folder: str) -> Iterator[str]:
    yield from (f"<p>{_html(part, folders)}</p>\n" for part in choice.says)
    if choice.commands:
        yield "```bash\n" + "\n".join(_commented(choice.commands)) + "\n```\n"
    if choice.begins:
        named = ", ".join(f"[`{name}`](#{_anchor(folder + name)})" for name in choice.begins)
        yield f"Begins as {named}{'; here is what differs' if choice.keys else ', and adds nothing'}.\n"
    if choice.makes and not choice.begins:
        yield f"Makes `{choice.makes}`.\n"
    if choice.overrides:
        yield "Chooses " + ", ".join(_linked(said, folders) for said in choice.overrides) + ".\n"
    if any(key.shown for key in choice.keys):
        yield "\n".join(_table([key for key in choice.keys if key.shown], folders)) + "\n"


def _linked(said: str, folders: Folders) -> str:
    place = _place(said, folders)
    return f"[`{said}`]({place[0]}.md#{place[1]})" if place else f"`{said}`"


def _place(said: str, folders: Folders) -> tuple[str, str] | None:
    """The page and the anchor of a choice, `group=name`, that is one of Graft's."""
    group, _, name = said.partition("=")
    page, _, folder = group.partition("/")
    is_there = (folders.configs / group / f"{name}.yaml").is_file() and folder != _HELP
    return (page, _anchor(f"{folder}/{name}" if folder else name)) if is_there else None


def _commented(commands: list[str]) -> list[str]:
    """What stands behind a command, after two spaces or more, as a shell's comment, in one column."""
    parts = [re.split(r"\s{2,}(?:# )?", command, maxsplit=1) for command in commands]
    width = max((len(command) for command, *said in parts if said), default=0)
    return [f"{command:<{width}}  # {said[0]}" if said else command for command, *said in parts]


def _table(keys: list[Key], folders: Folders) -> Iterator[str]:
    head = "".join(f"<th>{title}</th>" for title in ("key", "value", "takes", "means"))
    yield f'<div class="keys stacked"><table><thead><tr>{head}</tr></thead><tbody>'
    for key in keys:
        value = "<br>".join(f"<code>{escape(line)}</code>" for line in key.value.splitlines())
        value = f"<em>{_UNSAID}</em>" if key.value == "???" else value
        cells = [
            f"<code>{escape(key.name).replace('.', '.<wbr>')}</code>",
            value,
            escape(key.takes),
            _html(key.means, folders),
        ]
        opens = ' class="opens"' if key.opens else ""
        yield f"<tr{opens}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"


def _html(text: str, folders: Folders) -> str:
    """A comment as HTML: `code`, and links to the pages and the choices that it names.

    Raises:
        FileNotFoundError: There is no such page.
    """
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))

    def page(match: re.Match[str]) -> str:
        (folders.docs / f"{match[1]}.md").stat()
        return f'<a href="../{match[1]}.html">{match[0]}</a>'

    def choice(match: re.Match[str]) -> str:
        place = _place(match[0], folders)
        return f'<a href="{place[0]}.html#{place[1]}">{match[0]}</a>' if place else match[0]

    return re.sub(r"docs/(\w+)\.md", page, re.sub(r"\b[a-z_]+(?:/[a-z_]+)?=[a-z_0-9]+\b", choice, text))


def _anchor(name: str) -> str:
    return name.replace("/", "-")
