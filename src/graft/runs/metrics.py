"""The metrics of a run as one table that any program can read, at any moment."""

import csv
import io
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from graft.runs.atomic import disk_full, is_full, write_text

Row = dict[str, str]


class MetricsCSV(Logger):
    """Writes `metrics.csv`: a row per step, the columns `epoch` and `step`, then one per metric, blank where unknown.

    Steps count optimizer steps from 0, as Lightning logs them: the row of step s holds what was logged during step s,
    and, at the end of an epoch, the metrics of that epoch. What is logged in several parts for one step is one row,
    unless a metric would get a second value: nothing is overwritten.

    Every row is in the file when `log_metrics` returns. A file that exists is gone on with.

    Args:
        path: The file.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._columns: list[str] = []
        self._last: Row = {}
        self._last_at = 0  # where in the file the last row begins, in bytes
        self._is_open = False

    @property
    def name(self) -> str:
        """What Lightning calls it."""
        return "metrics"

    @property
    def version(self) -> str:
        """There is only one."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self._path.parent)

    def log_hyperparams(self, *_: Any, **__: Any) -> None:
        """Does nothing: the run folder has the config."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Writes metrics of one step.

        Raises:
            GraftError: When the disk is full; the rows so far stay.
        """
        self._open()
        row = {name: _cell(value) for name, value in metrics.items()}
        if step is not None:
            row["step"] = str(step)
        merges = self._fits_last(row)
        if merges:
            row = {**self._last, **row}
        new = [name for name in row if name not in self._columns]
        if new or not self._path.exists():
            kept = _read(self._path)[1]
            self._rewrite([*self._columns, *new], [*(kept[:-1] if merges else kept), row])
        else:
            self._put(row, replace_last=merges)

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Takes out what was logged after a checkpoint, because it will be logged again.

        Args:
            step: The number of optimizer steps that the checkpoint holds (`global_step`): the rows before the first
                one of this step, or of a later one, stay.
        """
        self._open()
        if self._path.exists():
            rows = _read(self._path)[1]
            self._rewrite(self._columns, list(takewhile(lambda row: not row["step"] or int(row["step"]) < step, rows)))

    def _open(self) -> None:
        """Takes over what is in the file; a row that a kill cut short is dropped."""
        if self._is_open:
            return
        columns, rows = _read(self._path)
        if self._path.exists():
            self._rewrite(columns, rows)
        else:
            self._columns = columns
        self._is_open = True

    def _fits_last(self, row: Row) -> bool:
        same_step = bool(self._last) and row.get("step") == self._last.get("step")
        return same_step and all(self._last.get(name) in (None, "", value) for name, value in row.items())

    def _put(self, row: Row, replace_last: bool) -> None:
        """Writes the last row with one call to the system, over the old one or after it."""
        old = _line(self._columns, self._last) if self._last and replace_last else b""
        end = self._path.stat().st_size
        at = self._last_at if replace_last else end
        with self._path.open("r+b", buffering=0) as file:
            try:
                file.seek(at)
                _write_all(file, _line(self._columns, row))
            except OSError as error:
                file.seek(at)
                file.write(old)  # has room: it was there before
                file.truncate(end)
                if is_full(error):
                    raise disk_full(self._path) from error
                raise
        self._last, self._last_at = row, at

    def _rewrite(self, columns: list[str], rows: list[Row]) -> None:
        lines = [_line(columns, dict(zip(columns, columns, strict=True))), *(_line(columns, row) for row in rows)]
        write_text(self._path, b"".join(lines).decode())
        self._columns = columns
        self._last = rows[-1] if rows else {}
        self._last_at = sum(len(line) for line in lines[:-1])


def _read(path: Path) -> tuple[list[str], list[Row]]:
    """The columns and the complete rows of a file; those of an empty table where there is none."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    complete = text[: text.rfind("\n") + 1]
    table = list(csv.reader(io.StringIO(complete)))
    if not table:
        return ["epoch", "step"], []
    columns = table[0]
    return columns, [dict(zip(columns, cells, strict=True)) for cells in table[1:] if len(cells) == len(columns)]


def _line(columns: list[str], row: Row) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([row.get(name, "") for name in columns])
    return line.getvalue().encode()


def _cell(value: Any) -> str:
    """A number with all its digits; whole numbers without a point."""
    number = value.item() if hasattr(value, "item") else value
    return str(number) if isinstance(number, int) else repr(float(number))


def _write_all(file: io.FileIO, data: bytes) -> None:
    while data:  # a nearly full disk takes a part first and says so only at the next call
        data = data[file.write(data) :]
