"""Checks one value against one type, and says what is wrong in the user's words."""

import math
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from graft.config.keys import listed
from graft.config.schema import HYDRA_KEYS, TARGETS, Node, Range
from graft.errors import did_you_mean

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", NoneType: "null"}


def check(value: Any, hint: Any, key: str) -> Iterator[str]:
    """Yields what is wrong with a value.

    Args:
        value: A plain value or an OmegaConf container; what it interpolates is resolved on the way.
        hint: A type as it stands in `graft.config.schema`.
        key: The value's full dotted key.

    Yields:
        One sentence for each problem, beginning with the key. Missing values (`???`) and interpolations that cannot be
        resolved are passed over: `graft.config.validate` reports them wherever they stand.
    """
    origin = get_origin(hint)
    if hint is Any:
        return
    if origin in (Union, UnionType):
        yield from _check_union(value, hint, key)
    elif origin is Annotated:
        yield from _check_range(value, hint, key)
    elif origin is Literal:
        if not _is_one_of(value, get_args(hint)):
            yield f"{key}: {_shown(value)} is not {words(hint)}.{did_you_mean(str(value), map(str, get_args(hint)))}"
    elif not _has_type(value, hint):
        yield f"{key}: {_shown(value)} is not {words(hint)}.{_quoting_hint(value, hint, key)}"
    elif hint is Node:
        yield from _check_node(value, key)
    elif is_dataclass(hint):
        yield from check_fields(value, hint, key)
    elif origin is dict:
        for name in value:
            yield from _check_item(value, name, get_args(hint)[1], f"{key}.{name}")
    elif origin is list:
        for number in range(len(value)):
            yield from _check_item(value, number, get_args(hint)[0], f"{key}[{number}]")


def check_fields(node: DictConfig, schema: Any, key: str) -> Iterator[str]:
    """Yields what is wrong with a mapping whose keys and types a dataclass states: unknown and absent keys too."""
    hints = get_type_hints(schema, include_extras=True)
    known = {field.name: field.default is not MISSING for field in fields(schema)}
    prefix = f"{key}." if key else ""
    if not getattr(schema, "open", False):
        for name in sorted(str(name) for name in node if name not in known.keys() | HYDRA_KEYS):
            near = did_you_mean(prefix + name, [prefix + other for other in known])
            yield f"{prefix}{name}: unknown key.{near}{listed(known, bool(near))}"
    for name, may_be_absent in known.items():
        if name in _keys(node):
            yield from _check_item(node, name, hints[name], prefix + name)
        elif not may_be_absent:
            yield f"{prefix}{name}: the key is absent."


def _check_node(node: DictConfig, key: str) -> Iterator[str]:
    if "_target_" not in _keys(node):
        yield f"{key}: has no `_target_`, the class or function that makes it."
        return
    schema = TARGETS.get(str(OmegaConf.select(node, "_target_", throw_on_resolution_failure=False)))
    if schema is not None:
        yield from check_fields(node, schema, key)


def _check_item(container: DictConfig | ListConfig, name: Any, hint: Any, key: str) -> Iterator[str]:
    if OmegaConf.is_missing(container, name):
        return
    try:
        value = container[name]
    except OmegaConfBaseException:
        return
    yield from check(value, hint, key)


def _check_union(value: Any, hint: Any, key: str) -> Iterator[str]:
    for choice in get_args(hint):
        if _has_type(value, choice):
            yield from check(value, choice, key)
            return
    yield f"{key}: {_shown(value)} is not {words(hint)}.{_quoting_hint(value, hint, key)}"


def _check_range(value: Any, hint: Any, key: str) -> Iterator[str]:
    kind, bounds = get_args(hint)
    if not _has_type(value, kind) or not _within(value, bounds):
        yield f"{key}: {_shown(value)} is not {words(hint)}."


def _within(value: float, bounds: Range) -> bool:
    return math.isfinite(value) and bounds.low <= value and (bounds.high is None or value <= bounds.high)


def _has_type(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Annotated:
        return _has_type(value, get_args(hint)[0])
    if origin is Literal:
        return _is_one_of(value, get_args(hint))
    if origin is list:
        return isinstance(value, ListConfig)
    if origin is dict or hint is Node or is_dataclass(hint):
        return isinstance(value, DictConfig)
    if isinstance(value, bool):  # Python's bools are ints
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _is_one_of(value: Any, choices: tuple[Any, ...]) -> bool:
    return any(value == choice and type(value) is type(choice) for choice in choices)


def _keys(node: DictConfig) -> set[str]:
    return {str(name) for name in node}


def _shown(value: Any) -> str:
    if isinstance(value, DictConfig):
        return "a mapping"
    if isinstance(value, ListConfig):
        return "a list"
    return {None: "null", True: "true", False: "false"}.get(value, repr(value)) if _plain(value) else repr(value)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def words(hint: Any) -> str:
    """Says what a type of `graft.config.schema` lets in, as messages and the reference do."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(words(choice) for choice in get_args(hint)))
    if origin is Annotated:
        kind, bounds = get_args(hint)
        return f"{words(kind)}{bounds}"
    if origin is Literal:
        names = (str(choice).lower() if _plain(choice) else str(choice) for choice in get_args(hint))
        return " | ".join(dict.fromkeys(names))
    if origin is list:
        return f"a list (each item {words(get_args(hint)[0])})"
    return _WORDS.get(hint, "a mapping")


def _quoting_hint(value: Any, hint: Any, key: str) -> str:
    """Hydra reads `name=123` as a number; the shell takes one pair of quotes away."""
    takes_text = get_origin(hint) not in (dict, list) and str in (get_args(hint) or (hint,))
    if takes_text and isinstance(value, (int, float)):
        text = str(value).lower() if isinstance(value, bool) else value
        return f" Quote it: {key}: '{text}' in a file, \"{key}='{text}'\" on the command line."
    return ""
