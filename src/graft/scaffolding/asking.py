"""What `graft new` is told; nothing heavy is imported here."""

import keyword
import re
from dataclasses import dataclass

from graft.errors import ConfigError, did_you_mean

HELP = """\
Writes a new choice of a group, with its test, ready to run; never overwrites a file.

Usage: graft new datamodule <name> [base=image_folder|image_table|text_table|python]
       graft new backbone <name> [base=timm|transformers] [model=<name or id>]
       graft new backbone <name> base=python
       graft new strategy <name>      a schedule of phases
       graft new task <name>          a loss or metrics of your own, in Python
       graft new experiment <name>    a full recipe

base=python is for data that lie in a way which none of the others knows, and for a network that neither timm nor
transformers has. A name is made of a-z, 0-9 and _."""

# The kinds, each with what it may be built upon, the usual one first.
BASES = {
    "datamodule": ("image_folder", "image_table", "text_table", "python"),
    "backbone": ("timm", "transformers", "python"),
    "strategy": ("phases",),
    "task": ("classification",),
    "experiment": ("recipe",),
}
_MODELS = {"timm": "resnet18", "transformers": "google-bert/bert-base-uncased"}
_LONGEST = 30  # characters; longer ones would make lines too long
_WORDS = ("null", "none", "true", "false", "yes", "no", "on", "off", "auto")  # which YAML or Graft reads otherwise


@dataclass(frozen=True)
class Wish:
    """What is to be written.

    Attributes:
        kind: One of `BASES`.
        name: Of the choice; an identifier in lower case.
        base: What it is built upon.
        model: Of a backbone: the name or id of the network; else "".
    """

    kind: str
    name: str
    base: str
    model: str

    @property
    def title(self) -> str:
        """The name as that of a class."""
        return "".join(word.capitalize() for word in self.name.split("_"))


def understood(words: list[str]) -> Wish:
    """Returns what the words of the command line ask for.

    Raises:
        ConfigError: They cannot be understood, or the name is none.
    """
    plain = [word for word in words if "=" not in word]
    if len(plain) != 2:
        raise ConfigError(f"graft new takes a kind and a name, not '{' '.join(plain)}': graft new datamodule flowers.")
    kind, name = plain
    if kind not in BASES:
        raise ConfigError(f"graft new {kind}: there are {', '.join(BASES)}.{did_you_mean(kind, BASES)}")
    options = dict(word.split("=", 1) for word in words if "=" in word)
    base = options.get("base", BASES[kind][0])
    known = ["base", *(["model"] if base in _MODELS else [])] if len(BASES[kind]) > 1 else []
    if "base" in known and base not in BASES[kind]:
        raise ConfigError(f"base={base}: there are {', '.join(BASES[kind])}.{did_you_mean(base, BASES[kind])}")
    if unknown := [key for key in options if key not in known]:
        said = f"{kind} base={base}" if "base" in options and "base" in known else kind
        raise ConfigError(f"graft new {said} knows no '{unknown[0]}', only {', '.join(known) or 'a name'}.")
    model = options.get("model", _MODELS.get(base, ""))
    if model and not re.fullmatch(r"[\w./-]+", model):
        raise ConfigError(f"model={model} is no name of a network: see timm.list_models(), or ids on the model hub.")
    return Wish(kind, _checked(name), base, model)


def _checked(name: str) -> str:
    if len(name) > _LONGEST:
        raise ConfigError(f"'{name}' is longer than {_LONGEST} characters: take a shorter name.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        like = re.sub(r"\W+", "_", name.lower()).strip("_")
        such = f", such as {like}" if re.fullmatch(r"[a-z][a-z0-9_]*", like) else ""
        raise ConfigError(f"'{name}' is no name for a choice: a letter, then a-z, 0-9 and _{such}.")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _WORDS:
        raise ConfigError(f"'{name}' means something else in Python or in YAML: take another name.")
    return name
