"""Of which format a table file is, by its name."""

from pathlib import Path

from graft.errors import GraftError

SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}

_OTHERS = {
    ".xlsx": " Export the sheet as CSV (UTF-8).",
    ".xls": " Export the sheet as CSV (UTF-8).",
    ".ods": " Export the sheet as CSV (UTF-8).",
    ".json": " JSON is read where each line is an object of its own; name such a file .jsonl.",
}


def format_of(path: Path) -> str:
    """Returns "csv", "tsv", "jsonl" or "parquet".

    Raises:
        GraftError: it is none of them.
    """
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        hint = _OTHERS.get(path.suffix.lower(), "")
        raise GraftError(f"{path}: tables are read from {', '.join(SUFFIXES)} files.{hint}") from None
