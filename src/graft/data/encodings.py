"""Text files: how much of one is read at once, and what is said where it is not UTF-8."""

import codecs
from pathlib import Path

from graft.errors import GraftError

BLOCK = 1 << 22  # bytes that are read at once, and several ahead; no row may be longer
NOT_UTF_8 = "Convert the file, e.g. iconv -f latin1 -t utf-8."


def check_utf_16(path: Path) -> None:
    """Raises a GraftError where a file begins as UTF-16 does."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise GraftError(f"{path} is UTF-16, not UTF-8. Convert the file, e.g. iconv -f utf-16 -t utf-8.")
