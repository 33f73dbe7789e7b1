"""Code that is neither Graft's nor a library's whose version is known."""

import ast
import functools
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any
from uuid import uuid4

from torch import Tensor

_KNOWN = frozenset({"graft", "torch", "torchvision", "timm", "transformers", "tokenizers", "PIL", "numpy", "peft"})
_INSTALLED = ("site-packages", "dist-packages")
_MOST = 100  # entries of a list or a dictionary that may be makers; longer ones hold data
_read: dict[str, tuple[Any, bytes]] = {}  # by module: the spec that it was loaded by, and its file as it was then


def own_code(makers: Iterable[Any]) -> list[bytes]:
    """Returns the sources of what makes features, and of all that they use of others which were not installed.

    Args:
        makers: Objects, classes and functions; what they hold counts too, as the function in a partial.
    """
    found: dict[str, bytes] = {}
    seen: set[int] = set()
    waiting = [name for maker in makers for source in _sources(maker, seen) for name in _modules_of(source)]
    while waiting:
        name = waiting.pop()
        module = None if name in found or _is_known(name) else sys.modules.get(name)
        content = None if module is None else _content(name, module)
        if module is not None and content is not None:
            found[name] = content
            if not set(_INSTALLED) & set(Path(str(module.__file__)).parts):  # a library's modules would have no end
                waiting += _used(module, content)
    return [found[name] for name in sorted(found)]


def _sources(maker: Any, seen: set[int]) -> Iterator[Any]:
    """The classes and functions that a maker is made of."""
    if id(maker) in seen or maker is None or isinstance(maker, str | bytes | int | float | Tensor | ModuleType):
        return
    seen.add(id(maker))
    if isinstance(maker, type | FunctionType | MethodType):
        yield maker
        return
    parts: list[Any] = []
    if isinstance(maker, functools.partial):
        parts = [maker.func, *maker.args, *maker.keywords.values()]
    elif isinstance(maker, list | tuple | set | frozenset):
        parts = list(maker) if len(maker) <= _MOST else []
    elif isinstance(maker, Mapping):
        parts = list(maker.values()) if len(maker) <= _MOST else []
    else:
        yield type(maker)
        parts = list(getattr(maker, "__dict__", {}).values())
    for part in parts:
        yield from _sources(part, seen)


def _modules_of(source: Any) -> list[str]:
    """Of a class those of its bases too."""
    return [str(each.__module__) for each in (inspect.getmro(source) if inspect.isclass(source) else [source])]


def _is_known(name: str) -> bool:
    root = name.partition(".")[0]
    return root in _KNOWN or (root in sys.stdlib_module_names and root != "__main__")


def _content(name: str, module: ModuleType) -> bytes | None:
    """A module's file as it was when first asked for: who edits it meanwhile does not change the code that runs."""
    spec = getattr(module, "__spec__", None)
    if name in _read and _read[name][0] is spec:
        return _read[name][1]
    path = Path(getattr(module, "__file__", None) or "")
    if path.suffix == ".py" and path.is_file():
        _read[name] = (spec, path.read_bytes())
        return _read[name][1]
    return uuid4().bytes if name == "__main__" else None  # of a notebook: what it makes is no other run's


def _used(module: ModuleType, content: bytes) -> Iterator[str]:
    """Modules that it imports, anywhere, and those that what it holds comes from."""
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from _with_packages(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)
    for value in list(vars(module).values()):
        yield str(value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "")


def _with_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:number]) for number in range(1, len(parts) + 1)]
