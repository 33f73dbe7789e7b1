"""Files that a comparison has written, told from all others: only these are ever replaced."""

from pathlib import Path

PAGE_MARK = '<meta name="generator" content="graft compare">'
LAST_COLUMNS = ("seeds", "folders")  # of a CSV, whose first one is `rank`
_OPENING = 600  # characters, in which the mark is


def is_own(path: Path) -> bool:
    """Whether a file is a page or a table that an earlier comparison has written."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        opening = file.readline()
        columns = opening.strip().split(",")
        is_table = columns[0] == "rank" and tuple(columns[-len(LAST_COLUMNS) :]) == LAST_COLUMNS
        return is_table or PAGE_MARK in opening + file.read(_OPENING)
