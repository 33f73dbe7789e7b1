"""What stands between the cells of a CSV file: spreadsheets write semicolons where a comma is the decimal mark."""

import re
from pathlib import Path

_HEAD = 1 << 16  # bytes in which a header ends
_QUOTED = re.compile(rb'"[^"]*("|$)')


def separator(path: Path) -> str:
    """Returns the semicolon where the header has some outside of quotation marks, and no comma; else the comma."""
    header = _header(path)
    return ";" if b";" in header and b"," not in header else ","


def other_separator(path: Path) -> str:
    """Returns a hint where the header of a CSV file seems to be separated by something else; else nothing."""
    if path.suffix.lower() != ".csv":
        return ""
    header = _header(path)
    found = next((word for mark, word in {b"\t": "tabs", b"|": "bars"}.items() if mark in header), None)
    if found is None or b"," in header or b";" in header:
        return ""
    return f" It seems to be separated by {found}: save it with commas or semicolons, or with tabs as .tsv."


def _header(path: Path) -> bytes:
    """The first line, an "x" where something is quoted."""
    with path.open("rb") as file:
        lines = _QUOTED.sub(b"x", file.read(_HEAD)).splitlines()
    return next((line for line in lines if line.strip()), b"")
