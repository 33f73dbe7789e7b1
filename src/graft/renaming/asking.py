"""What `graft init` is told; nothing heavy is imported here."""

import importlib.util
import keyword
import re
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

from graft.errors import ConfigError

HELP = """\
Makes a project of your own of this clone: a new folder with the package, its command, configs and tests under your
name, into which later changes of Graft can be merged. The clone stays as it is. Needs the extra: pip install
'graft[init]'

Usage: graft init <name> [--into DIR] [--defaults]

  <name>       of the package and the command: a-z, 0-9 and _
  --into DIR   the new folder, which is empty or not there yet; else <name>, beside the clone
  --defaults   asks nothing: the licence stays Apache-2.0, the demonstration's recipes stay"""


@dataclass(frozen=True)
class Wish:
    """What is to be made.

    Attributes:
        name: Of the package.
        into: The new folder; None: beside the clone.
        asks: Whether authors, licence and recipes are asked for.
    """

    name: str
    into: Path | None
    asks: bool


def understood(words: list[str]) -> Wish:
    """Returns what the words of the command line ask for.

    Raises:
        ConfigError: They cannot be understood.
    """
    rest, into = list(words), None
    for number, word in enumerate(words):
        if word == "--into":
            if len(words) == number + 1:
                raise ConfigError("--into names no folder.")
            into = words[number + 1]
            rest.remove("--into")
            rest.remove(into)
        elif word.startswith("--into="):
            into = word.partition("=")[2]
            rest.remove(word)
    asks = "--defaults" not in rest
    rest = [word for word in rest if word != "--defaults"]
    if len(rest) != 1 or rest[0].startswith("-"):
        raise ConfigError(f"graft init takes one name, --into DIR and --defaults, not '{' '.join(words)}'.")
    return Wish(rest[0], Path(into).expanduser() if into else None, asks)


def check_name(name: str, clone: Path) -> None:
    """Makes sure that a package can have the name.

    Raises:
        ConfigError: It is no name, or one that is taken; says by what.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(f"'{name}' is no name for a package: a letter, then a-z, 0-9 and _, such as leafnet.")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ConfigError(f"'{name}' is a word of Python itself: take another name.")
    if name in sys.stdlib_module_names:
        raise ConfigError(f"'{name}' is a package of Python's standard library: take another name.")
    if name == "graft":
        raise ConfigError("The project cannot be called as what it is made from: take another name.")
    if importlib.util.find_spec(name) is not None:
        raise ConfigError(f"A package '{name}' is installed here, and would be in the way: take another name.")
    if found := _use(name, clone):
        raise ConfigError(f"'{name}' is a word of the code already, as in {found}: take another name.")


def _use(name: str, clone: Path) -> str | None:
    """The first Python file in which something has the name; after the renaming, two things would have it."""
    for path in sorted([*clone.glob("src/**/*.py"), *clone.glob("tests/**/*.py"), *clone.glob("benchmarks/**/*.py")]):
        if not re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")):
            continue
        with tokenize.open(path) as file:
            if any(
                token.type == tokenize.NAME and token.string == name
                for token in tokenize.generate_tokens(file.readline)
            ):
                return path.relative_to(clone).as_posix()
    return None
