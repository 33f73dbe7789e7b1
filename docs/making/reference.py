"""Makes the pages of the reference: one for each config group, and one for the commands' own keys."""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

from choices import Choice, Key, read_choice

_COMMANDS = "commands"
_UNSAID = "what the user has to say"


def reference(configs: Path, docs: Path) -> dict[str, str]:
    """Returns the pages by their name below `reference/`, without `.md`.

    Args:
        configs: The folder of the config groups.
        docs: The folder of the pages that comments may name.
    """
    groups = {path.name: sorted(path.rglob("*.yaml")) for path in sorted(configs.iterdir()) if path.is_dir()}
    read = {group: [read_choice(configs, path) for path in paths] for group, paths in groups.items() if paths}
    commands = [
        read_choice(configs, configs / f"{name}.yaml")
        for name in ("train", "evaluate", "predict", "explain", "export", "demo", "shard")
    ]
    pages = {group: "\n".join(_page(group, choices, docs)) for group, choices in read.items()}
    pages[_COMMANDS] = "\n".join(_commands_page(commands, docs))
    pages["index"] = "\n".join(_index(read))
    return dict(sorted(pages.items(), key=lambda page: (page[0] != "index", page[0] != _COMMANDS, page[0])))


def strategies(configs: Path) -> str:
    """Returns a table of the strategies with what the header of each file says."""
    choices = [read_choice(configs, path) for path in sorted((configs / "strategy").glob("*.yaml"))]
    rows = [f"| [`{choice.name}`](reference/strategy.md#{choice.name}) | {choice.says[0]} |" for choice in choices]
    return "\n".join(["| strategy | what it does |", "| --- | --- |", *rows])


def _index(groups: dict[str, list[Choice]]) -> Iterator[str]:
    yield "# Reference\n"
    yield (
        "Every file in `configs/`, as it is: made anew whenever this site is built. `group=choice` takes a file,"
        " `key=value` changes a key, and several values are a [sweep](../sweeps.md). What a key takes is the schema's"
        " word; anything else is refused before a run begins. `graft train --cfg job` prints the whole configuration"
        " of a command line, `graft train --info defaults` where each value comes from.\n"
    )
    yield f"The keys of no group (`seed`, `monitor`, `cache`, …) are with the [commands]({_COMMANDS}.md).\n"
    yield "| group | choices |\n| --- | --- |"
    for group, choices in groups.items():
        named = " · ".join(f"[`{choice.name}`]({group}.md#{_anchor(choice.name)})" for choice in choices)
        yield f"| [`{group}`]({group}.md) | {named} |"
    yield (
        "\nTwo more have no file until you write one: `configs/local/default.yaml`, settings of this machine, which git"
        " ignores; and a file of your own in any group, [one for each dataset, backbone or strategy](../extend.md).\n"
    )


def _commands_page(commands: list[Choice], docs: Path) -> Iterator[str]:
    yield "# What commands take\n"
    yield "The keys that are in no group. `graft <command> --help` has the groups and their choices.\n"
    for command in commands:
        yield f"## graft {command.name} {{#{command.name}}}\n"
        yield from _choice(command, docs, "")


def _page(group: str, choices: list[Choice], docs: Path) -> Iterator[str]:
    yield f"# {group}\n"
    for choice in choices:
        folder, _, name = choice.name.rpartition("/")
        said = f"{group}/{folder}={name}" if folder else f"{group}={name}"
        yield f"## {said if group != 'hydra' else choice.name} {{#{_anchor(choice.name)}}}\n"
        yield from _choice(choice, docs, f"{folder}/" if folder else "")


def _choice(choice: Choice, docs: Path, folder: str) -> Iterator[str]:
    yield from (f"<p>{_html(part, docs)}</p>\n" for part in choice.says)
    if choice.commands:
        yield "```bash\n" + "\n".join(_commented(choice.commands)) + "\n```\n"
    if choice.begins:
        named = ", ".join(f"[`{name}`](#{_anchor(folder + name)})" for name in choice.begins)
        yield f"Begins as {named}; here is what differs.\n"
    if choice.makes and not choice.begins:
        yield f"Makes `{choice.makes}`.\n"
    if choice.overrides:
        yield "Chooses " + ", ".join(f"`{said}`" for said in choice.overrides) + ".\n"
    if choice.keys:
        yield "\n".join(_table(choice.keys, docs)) + "\n"


def _commented(commands: list[str]) -> list[str]:
    """What stands behind a command, after two spaces or more, as a shell's comment, in one column."""
    parts = [re.split(r"\s{2,}(?:# )?", command, maxsplit=1) for command in commands]
    width = max((len(command) for command, *said in parts if said), default=0)
    return [f"{command:<{width}}  # {said[0]}" if said else command for command, *said in parts]


def _table(keys: list[Key], docs: Path) -> Iterator[str]:
    head = "".join(f"<th>{title}</th>" for title in ("key", "value", "takes", "means"))
    yield f'<div class="keys stacked"><table><thead><tr>{head}</tr></thead><tbody>'
    for key in keys:
        value = "<br>".join(f"<code>{escape(line)}</code>" for line in key.value.splitlines())
        value = f"<em>{_UNSAID}</em>" if key.value == "???" else value
        cells = [
            f"<code>{escape(key.name).replace('.', '.<wbr>')}</code>",
            value,
            escape(key.takes),
            _html(key.means, docs),
        ]
        opens = ' class="opens"' if key.opens else ""
        yield f"<tr{opens}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table></div>"


def _html(text: str, docs: Path) -> str:
    """A comment as HTML: `code`, and links to the pages that it names.

    Raises:
        FileNotFoundError: There is no such page.
    """
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))

    def link(match: re.Match[str]) -> str:
        (docs / f"{match[1]}.md").stat()
        return f'<a href="../{match[1]}.html">{match[0]}</a>'

    return re.sub(r"docs/(\w+)\.md", link, text)


def _anchor(name: str) -> str:
    return name.replace("/", "-")
