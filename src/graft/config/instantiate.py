"""The one place that turns configuration into objects."""

import functools
import inspect
from collections.abc import Iterator
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict, read_write

from graft.config.schema import HYDRA_KEYS
from graft.config.validate import raise_problems
from graft.errors import ConfigError, GraftError, did_you_mean


def build(node: DictConfig, **extra: Any) -> Any:
    """Makes what a node's `_target_` names, and first whatever nodes lie in it.

    Args:
        node: A mapping with a `_target_`; its containers arrive as plain lists and dictionaries. With
            `_partial_: true` a `functools.partial` is returned.
        extra: Further keyword arguments, handed on as they are, never copied; one that the node also has replaces the
            node's, which is then not built.

    Raises:
        ConfigError: There is no such target, it takes no such argument or lacks one, or another library's class
            refuses its arguments; the message names the key.
    """
    key = str(node._get_full_key(None) or "")
    if node.get("_target_") is None:
        raise ConfigError(f"{key or 'the node'}: has no `_target_`, the class or function that makes it.")
    own = _without(node, extra)
    raise_problems(list(_wrong_arguments(own, key, extra)))
    is_partial = bool(own.get("_partial_", False))
    try:
        factory = instantiate(own, _partial_=True, _convert_=own.get("_convert_", "all"))
    except InstantiationException as error:
        raise _unwrapped(error, key) from error.__cause__
    if is_partial:
        # Not a partial of a partial: whoever looks at its keywords sees all of them.
        return functools.partial(factory.func, *factory.args, **{**factory.keywords, **extra}) if extra else factory
    try:
        return factory(**extra)
    except Exception as error:
        raise _refused(error, str(node["_target_"]), key) from error


def target_of(node: DictConfig) -> Any:
    """Returns the class or function that a node names, without making anything of it.

    Raises:
        ConfigError: There is no such thing.
    """
    key = str(node._get_full_key(None) or "")
    _parameters(str(node["_target_"]), key)
    return get_object(str(node["_target_"]))


def build_all(nodes: DictConfig, **extra: Any) -> dict[str, Any]:
    """Builds the nodes of a dictionary by name, each with `extra`; leaves out those that are null."""
    return {name: build(nodes[name], **extra) for name in map(str, nodes) if nodes[name] is not None}


def _without(node: DictConfig, extra: dict[str, Any]) -> DictConfig:
    """Returns the node without the keys that are replaced, still in its place so that interpolations work."""
    if not any(name in node for name in extra):
        return node
    own = node.copy()
    own._set_parent(node._get_parent())
    with read_write(own), open_dict(own):
        for name in extra:
            own.pop(name, None)
    return own


def _wrong_arguments(node: Any, key: str, extra: dict[str, Any]) -> Iterator[str]:
    """Walks a node and what lies in it, and compares keys with the arguments that the targets take."""
    if isinstance(node, ListConfig):
        for number in range(len(node)):
            yield from _wrong_arguments(node[number], f"{key}[{number}]", {})
    if not isinstance(node, DictConfig):
        return
    if node.get("_target_") is not None:
        yield from _compare(node, key, extra)
    if node.get("_recursive_", True):
        for name in map(str, node):
            if not OmegaConf.is_missing(node, name):
                yield from _wrong_arguments(node[name], f"{key}.{name}" if key else name, {})


def _compare(node: DictConfig, key: str, extra: dict[str, Any]) -> Iterator[str]:
    target = str(node["_target_"])
    parameters = _parameters(target, key)
    if parameters is None:
        return
    given = {str(name) for name in node if name not in HYDRA_KEYS} | extra.keys()
    named = {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        for name in sorted(given - named.keys()):
            yield f"{key}.{name}: {target} takes no argument '{name}'.{did_you_mean(name, named)}"
    if not node.get("_partial_", False) and not node.get("_args_"):
        for name, parameter in named.items():
            if parameter.default is parameter.empty and name not in given:
                yield f"{key}: {target} needs '{name}'; give it: {key}.{name}=…"


def _parameters(target: str, key: str) -> dict[str, inspect.Parameter] | None:
    """Returns the parameters of a target, or `None` where they cannot be known."""
    try:
        found = get_object(target)
    except GraftError:
        raise
    except Exception as error:  # importing runs the module
        raise ConfigError(f"{key}._target_: cannot import '{target}': {_cause(error)}") from error
    try:
        return dict(inspect.signature(found).parameters)
    except (TypeError, ValueError):
        return None


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def _unwrapped(error: InstantiationException, key: str) -> BaseException:
    """Hydra wraps what a constructor of a nested node raises, and writes the node's key behind its message."""
    text, _, nested = str(error).partition("\nfull_key: ")
    if error.__cause__ is None:  # Hydra itself refuses: a forbidden target, say
        return ConfigError(f"{nested or key}: {text}")
    target = text.partition("'")[2].partition("'")[0]
    return _refused(error.__cause__, target, nested.strip() or key)


def _refused(error: BaseException, target: str, key: str) -> BaseException:
    """Another library's class was given values of the configuration only, so what it raises speaks about those.

    Graft's own raise `GraftError` for that; anything else from them is a defect, whose traceback is needed.
    """
    if isinstance(error, GraftError) or target.startswith("graft."):
        return error
    return ConfigError(f"{key}: {target} refuses its arguments: {type(error).__name__}: {error}")
