"""The files of code that is neither Graft's nor a library's whose version is known."""

import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_KNOWN = frozenset({"graft", "torch", "torchvision", "timm", "transformers", "tokenizers", "PIL", "numpy", "peft"})
_INSTALLED = ("site-packages", "dist-packages")


def own_files(modules: Iterable[str]) -> list[Path]:
    """Returns the files of these modules, and of what they use of others that were not installed, in a fixed order.

    Args:
        modules: Names; those of Graft, of Python and of the libraries whose versions count are left out.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        path = None if name in found or module is None or _is_known(name) else _file(module)
        if module is not None and path is not None:
            found[name] = path
            if not set(_INSTALLED) & set(path.parts):  # a library's graph of modules would have no end
                waiting += _used(module)
    return [found[name] for name in sorted(found)]


def _is_known(name: str) -> bool:
    root = name.partition(".")[0]
    return root in _KNOWN or root in sys.stdlib_module_names


def _file(module: ModuleType) -> Path | None:
    try:
        path = Path(inspect.getfile(module))
    except TypeError:  # built into Python
        return None
    return path if path.suffix == ".py" and path.is_file() else None


def _used(module: ModuleType) -> Iterator[str]:
    """Modules that it has imported, or imported something of."""
    value: Any
    for value in list(vars(module).values()):
        yield str(value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "")
