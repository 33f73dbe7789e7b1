"""Columns of a table of inputs that come along with what is predicted of its rows."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from graft.data.formats import SUFFIXES, batches, check_columns, column_names


def carried_columns(path: Path, wanted: Sequence[str] | None) -> dict[str, pa.ChunkedArray]:
    """Reads columns of a table file as they are; those of CSV and TSV as text.

    Args:
        path: of the inputs.
        wanted: names of columns; None: all of them.

    Returns:
        By name, (n,); nothing where the inputs are no table.

    Raises:
        GraftError: there is no such column, or the file is broken.
    """
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return {}
    names = list(dict.fromkeys(column_names(path) if wanted is None else wanted))
    check_columns(path, names)
    if not names:
        return {}
    table = pa.Table.from_batches([batch.select(names) for batch in batches(path, names)])
    is_text = SUFFIXES[path.suffix.lower()] != "parquet"
    return {name: _as_text(table[name]) if is_text else table[name] for name in names}


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decodes what was read as bytes; a byte that is not UTF-8 is replaced, as it is told with the row."""
    if not pa.types.is_binary(column.type):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in column.to_pylist()]
        return pa.chunked_array([pa.array(decoded, pa.string())])
