"""Lists the steps of `graft train` as its source has them, each with what its own docstring says."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rooms import first_sentence

_CALLED_BY_METHOD = {("trainer", "fit"): "Lightning trains: phase by phase, epoch by epoch"}


@dataclass
class Step:
    """A call of one of Graft's own functions.

    Attributes:
        part: Of the stopwatch, by which the summary counts seconds; "" before and between.
        name: Of the function.
        module: That defines it.
        does: The first sentence of its docstring.
        condition: Under which it is called, as the source has it; "" for always.
    """

    part: str
    name: str
    module: str
    does: str
    condition: str


def steps(source: Path, module: str, function: str) -> list[Step]:
    """Returns the steps of a function in their order, each function once.

    Args:
        source: The folder that packages lie in.
        module: The dotted name of the function's module.
        function: Its name.
    """
    tree = ast.parse(_file(source, module).read_text(encoding="utf-8"))
    origins = {definition.name: module for definition in tree.body if isinstance(definition, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("graft."):
            origins |= {name.name: str(node.module) for name in node.names}
    body = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function).body
    found: dict[str, Step] = {}
    for part, condition, call in _calls(body, "", ""):
        step = _step(source, origins, call, part, condition)
        if step is not None:
            found.setdefault(step.name, step)
    return list(found.values())


def _step(source: Path, origins: dict[str, str], call: ast.Call, part: str, condition: str) -> Step | None:
    match call.func:
        case ast.Attribute(value=ast.Name(id=receiver), attr=name) if (receiver, name) in _CALLED_BY_METHOD:
            return Step(part, f"{receiver}.{name}", "", _CALLED_BY_METHOD[receiver, name], condition)
        case ast.Name(id=name) if name in origins and not name.startswith("_"):
            does = _docstring(_file(source, origins[name]), name)
            return Step(part, name, origins[name], does, condition) if does else None
    return None


def _calls(body: list[ast.stmt], part: str, condition: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Yields calls in the order of the source, with the stopwatch's part and the condition that they stand in."""
    for statement in body:
        match statement:
            case ast.With(items=[ast.withitem(ast.Call(ast.Attribute(attr="part"), args=[ast.Constant(name)]))]):
                yield from _calls(statement.body, str(name), condition)
            case ast.With():
                for item in statement.items:
                    yield from ((part, condition, call) for call in _in(item.context_expr))
                yield from _calls(statement.body, part, condition)
            case ast.If():
                yield from ((part, condition, call) for call in _in(statement.test))
                test = ast.unparse(statement.test)
                yield from _calls(statement.body, part, _both(condition, test))
                yield from _calls(statement.orelse, part, _both(condition, f"not {test}"))
            case ast.For():
                yield from _calls(statement.body, part, condition)
            case _:
                yield from ((part, condition, call) for call in _in(statement))


def _in(node: ast.AST) -> list[ast.Call]:
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return sorted(calls, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0))  # inner ones come first


def _both(one: str, other: str) -> str:
    return f"{one} and {other}" if one else other


def _docstring(path: Path, name: str) -> str:
    kinds = (ast.FunctionDef, ast.ClassDef)
    definitions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, kinds)]
    return next((first_sentence(node) for node in definitions if node.name == name), "")


def _file(source: Path, module: str) -> Path:
    path = source.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
