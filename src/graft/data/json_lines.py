"""Tables of JSON lines, an object in each; read by the standard library, for Arrow takes no column of mixed types."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from graft.data import encodings
from graft.data.encodings import NOT_UTF_8, check_utf_16
from graft.errors import GraftError


def batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields columns as the file has them, of mixed types as text; what is in no column of `names` may be anything."""
    kinds = dict.fromkeys(names, pa.null())
    for rows in objects(path):  # once before: the last row may be of another type than all others
        kinds = {name: _common(kind, [row.get(name) for row in rows]) for name, kind in kinds.items()}
    schema = pa.schema({name: pa.string() if _is_void(kind) else kind for name, kind in kinds.items()}.items())
    for rows in objects(path):
        try:
            columns = [pa.array([_cell(row.get(each.name), each.type) for row in rows], each.type) for each in schema]
        except pa.ArrowInvalid as error:
            raise GraftError(f"{path} cannot be read as jsonl: {error}") from error
        yield pa.record_batch(columns, schema=schema)


def _common(kind: pa.DataType, values: list[Any]) -> pa.DataType:
    """The type of a column that was of one type up to here and goes on with some values."""
    try:
        schemas = [pa.schema({"": each}.items()) for each in (kind, pa.array(values).type)]
        return pa.unify_schemas(schemas, promote_options="permissive").types[0]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # the last of integers with more than 64 bits
        listed = pa.types.is_list(kind) or any(isinstance(value, list) for value in values)
        return pa.list_(pa.string()) if listed else pa.string()


def _is_void(kind: pa.DataType) -> bool:
    return pa.types.is_null(kind) or "struct<>" in str(kind)  # {} and nothing else, which Parquet cannot hold


def _cell(value: Any, kind: pa.DataType) -> Any:
    """A value as its column takes it: among lists, a single value is a list of one."""
    if value is None:
        return None
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return [_cell(each, kind.value_type) for each in (value if isinstance(value, list) else [value])]
    if pa.types.is_floating(kind):
        return float(value)
    if isinstance(value, str) or not pa.types.is_string(kind):
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def objects(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Yields the rows of JSON lines in parts, the last of which may be empty."""
    rows, size = [], 0
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(encodings.BLOCK), b""), start=1):
            if len(line) == encodings.BLOCK:
                raise GraftError(
                    f"{path}, line {number} is longer than {encodings.BLOCK >> 20} MiB: give each row its own line."
                )
            if line.strip():
                rows.append(_object(path, number, line))
            size += len(line)
            if size >= encodings.BLOCK:
                yield rows
                rows, size = [], 0
    yield rows


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip()
        found: dict[str, Any] = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError("something else stands there")
        if "\\ud" in text.lower():  # perhaps half a character, of a text that was cut off; UTF-8 cannot hold it
            found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
    except UnicodeDecodeError as error:
        check_utf_16(path)
        byte = f"byte {line[error.start]:#04x} at {error.start}"
        raise GraftError(f"{path}, line {number}: not UTF-8 ({byte}). {NOT_UTF_8}") from error
    except (ValueError, TypeError, RecursionError) as error:
        said = re.sub(r": line \d+ column (\d+) .*", r", character \1", str(error))
        raise GraftError(
            f"{path} cannot be read as jsonl: line {number} is no whole object, {{…}} ({said}). Mend or remove it."
        ) from error
    return found
