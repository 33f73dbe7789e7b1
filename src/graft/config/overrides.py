"""What stands on the command line behind the command: `key=value`, in Hydra's grammar."""

import re
import shlex
from itertools import takewhile

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep, Sweep
from hydra.errors import HydraException

from graft.config.locate import configs_dir
from graft.config.validate import raise_problems
from graft.errors import ConfigError

_GRAMMATICAL = re.compile(r"""['"\[\]{}]|(^|,)\s*\w+\(""")  # what Hydra's grammar is made of, beside , and =
_GRAMMAR = "See https://hydra.cc/docs/1.3/advanced/override_grammar/basic"


def quoted(text: str) -> str:
    """Returns a text as one quoted value of Hydra's grammar, whatever is in it: spaces, `=`, quotes, `${`."""
    escaped = re.sub(r"(\\*)'", lambda match: match.group(1) * 2 + r"\'", text.replace("${", r"\${"))
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return "'" + escaped + "\\" * trailing + "'"


def quote_paths(overrides: list[str], key: str) -> list[str]:
    """Quotes the values of one key, which are paths, so that spaces and `=` in them need no second pair of quotes."""
    return [_quote_path(override, key) for override in overrides]


def _quote_path(override: str, key: str) -> str:
    name, separator, value = override.partition("=")
    if name != key or not separator or value in ("", "null") or value[0] in "'\"":
        return override
    return f"{key}={quoted(value)}"


def quote_plain(overrides: list[str]) -> list[str]:
    """Quotes values that Hydra cannot read and that can mean nothing but text: `root=/x/my fotos äö (1)`.

    A comma parts the values of a sweep as ever. What holds quotation marks, brackets, braces or a function such as
    `interval(…)` stays as it is, and so does `=` outside of a path, where a space between two overrides is forgotten.
    """
    return [_quote_plain(override) for override in overrides]


def _quote_plain(override: str) -> str:
    name, separator, value = override.partition("=")
    if not separator or _is_readable(override) or _GRAMMATICAL.search(value):
        return override
    parts = [part.strip() for part in value.split(",")]
    if any("=" in part and "/" not in part for part in parts):
        return override
    told = f"{name}=" + ",".join(part if _is_readable(f"{name}={part}") else quoted(part) for part in parts)
    return told if _is_readable(told) else override


def _is_readable(override: str) -> bool:
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def open_mapping(overrides: list[str], key: str) -> list[str]:
    """Lets a mapping that takes any key be given new ones without Hydra's `+`."""
    return [f"++{override}" if override.startswith(f"{key}.") else override for override in overrides]


def parse(overrides: list[str]) -> list[Override]:
    """Parses the overrides.

    Raises:
        ConfigError: Some are not `key=value`; the message lists all of them.
    """
    parser = OverridesParser.create()
    parsed, wrong = [], []
    for number, override in enumerate(overrides):
        try:
            parsed.append(parser.parse_override(override))
            parsed[-1].config_loader = _loader()
        except HydraException:
            words = list(takewhile(_is_bare, overrides[number:]))
            before = overrides[number - 1] if number else ""
            if not words:
                wrong.append(_malformed(override))
            elif not _is_bare(before):  # else it was told with the first of these words
                wrong.append(_bare(before, words))
    raise_problems(wrong)
    return parsed


def _loader() -> ConfigLoader | None:
    """Hydra's, where it is at work: it knows what `strategy=glob(lora*)` may choose from."""
    return GlobalHydra.instance().config_loader() if GlobalHydra.instance().is_initialized() else None


def _is_bare(word: str) -> bool:
    return "=" not in word and not word.startswith("~") and word != ""


def _bare(before: str, words: list[str]) -> str:
    """What is said of words without a key, perhaps the rest of a path that the shell has cut at its blanks."""
    key, separator, value = before.partition("=")
    if not separator:
        return f"{_listed(words)} no `key=value`. {_GRAMMAR}"
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    whole = shlex.quote(" ".join([f"{key}={value}", *words]))
    return f"{_listed(words)} no `key=value`. A value with blanks wants quotes: {whole}."


def _listed(words: list[str]) -> str:
    return f"'{words[0]}' is" if len(words) == 1 else f"{', '.join(repr(word) for word in words)} are"


def _malformed(override: str) -> str:
    name, separator, value = override.partition("=")
    if not separator:
        return f"'{override}' is no `key=value`. {_GRAMMAR}"
    if "[" in name:
        dotted = re.sub(r"\[(\d+)\]", r".\1", name)
        return f"'{override}': the number of a list's item stands behind a dot: {dotted}={value}"
    return f"'{override}' cannot be read; quote a value with special characters: \"{name}={quoted(value)}\". {_GRAMMAR}"


def is_group(override: Override) -> bool:
    """Whether an override chooses a file of a config group, such as `backbone=resnet18`."""
    is_choice = override.is_delete() or not isinstance(override.value(), dict)
    return override.package is not None or (is_choice and (configs_dir() / override.key_or_group).is_dir())


def sweep_points(overrides: list[str]) -> list[list[str]]:
    """Returns command lines of single runs in which every value of a sweep comes up once.

    Each sweep is walked along while the others stay at their first value: the sum of their lengths, not the product.
    """
    parsed = parse(overrides)
    values = [_values(override) for override in parsed]
    first = [choices[0] for choices in values]
    points = [first]
    for number, choices in enumerate(values):
        points += [[*first[:number], choice, *first[number + 1 :]] for choice in choices[1:]]
    return points


def _values(override: Override) -> list[str]:
    key = override.get_key_element()
    if override.is_choice_sweep():
        return [f"{key}={value}" for value in choices(override)]
    if override.is_range_sweep():
        values = choices(override)
        return [f"{key}={value}" for value in (values[0], values[-1])]
    if override.is_interval_sweep():
        interval = override.value()
        return [f"{key}={interval.start}", f"{key}={interval.end}"]  # type: ignore[union-attr]
    return [str(override.input_line)]


def choices(override: Override) -> list[str]:
    """Returns the values of a sweep that has an end of them, in Hydra's grammar, each once and never shuffled.

    A search that goes on would not find them as they were.

    Raises:
        ConfigError: There are none, or they are no values.
    """
    sweep = override.value()
    if isinstance(sweep, ChoiceSweep | RangeSweep):
        sweep.shuffle = False
    if isinstance(sweep, ChoiceSweep) and any(isinstance(each, Sweep) for each in sweep.list):
        raise ConfigError(f"'{override.input_line}': an interval stands alone, not among choices.")
    try:
        values = list(dict.fromkeys(override.sweep_string_iterator()))
    except HydraException as error:
        raise ConfigError(f"'{override.input_line}': {error}") from error
    if not values:
        raise ConfigError(f"'{override.input_line}' holds no value.")
    return values
