"""Columns of a table of inputs that come along with what is predicted of its rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from graft.data.formats import batches, check_columns, column_names
from graft.data.suffixes import SUFFIXES


def carried_columns(path: Path, wanted: Sequence[str] | None) -> Iterator[pa.RecordBatch] | None:
    """Finds columns of a table file, to be read as they are, part by part; those of CSV and TSV as text.

    Args:
        path: of the inputs.
        wanted: names of columns; None: all of them.

    Returns:
        Yields the next rows each time, with the columns in the order wanted, when it is asked for them, so that no
        table must fit into the memory; None where nothing is to come along, as the inputs are no table.

    Raises:
        GraftError: there is no such column; or, while it yields, the file is broken.
    """
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return None
    names = list(dict.fromkeys(column_names(path) if wanted is None else wanted))
    check_columns(path, names)
    if not names:
        return None
    is_text = SUFFIXES[path.suffix.lower()] != "parquet"
    return (
        pa.record_batch({name: _as_text(batch[name]) if is_text else batch[name] for name in names})
        for batch in batches(path, names)
    )


def _as_text(column: pa.Array) -> pa.Array:
    """Decodes what was read as bytes; a byte that is not UTF-8 is replaced, as it is told with the line."""
    if not pa.types.is_binary(column.type):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = [None if value is None else value.decode("utf-8", "replace") for value in column.to_pylist()]
        return pa.array(decoded, pa.string())
