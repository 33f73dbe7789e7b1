"""What `graft compare` is asked for; files that it may write."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from graft.comparing.own import is_own
from graft.errors import ConfigError

HELP = """\
Compares runs: a table sorted by the metric that they monitor, a line for each configuration, seeds together.

Usage: graft compare logs/sweeps/<name>                     the runs of a sweep
       graft compare logs/runs/a logs/runs/b logs/sweeps    any folders with runs in them
       graft compare <run folder> <run folder>              two runs, with what differs in config and environment

  --html [FILE]     also a page: learning curves, parallel coordinates, importance of settings, cost, significance
  --csv [FILE]      also the whole table, with all digits; without FILE: comparison.csv in the first folder
  --monitor NAME    sorts by another metric of the validation split, such as val/accuracy
  --mode max|min    whether high or low values of it are good, where no run monitors it
  --top N           lines of the table in the terminal; 0: all; default 30

A file that is there already is replaced only if it is an earlier comparison; the runs are read and never changed."""
_TOP = 30
_NAME = "comparison"


@dataclass(frozen=True)
class Asked:
    """A command line.

    Attributes:
        folders: To look for runs in.
        csv, html: Where to write; None: not asked for.
        monitor, mode: The metric that sorts; None: that of the runs.
        top: Lines of the table; 0: all.
    """

    folders: list[str]
    csv: Path | None
    html: Path | None
    monitor: str | None
    mode: str | None
    top: int


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"graft compare: {message}. See graft compare --help.")


def understood(words: list[str]) -> Asked:
    """Reads a command line.

    Raises:
        ConfigError: It cannot be read, or a file stands in the way of one that is to be written.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("folders", nargs="*")
    for name in ("--csv", "--html"):
        parser.add_argument(name, nargs="?", const="")
    parser.add_argument("--monitor")
    parser.add_argument("--mode", choices=("max", "min"))
    parser.add_argument("--top", type=int, default=_TOP)
    parsed = parser.parse_intermixed_args(words)
    # `--html logs/sweeps/cells` names what to compare, and no file.
    folders = [
        *(word for word in (parsed.csv, parsed.html) if word and Path(word).expanduser().is_dir()),
        *parsed.folders,
    ]
    if not folders:
        parser.error("name the folder of a sweep, or folders of runs")
    if parsed.top < 0:
        parser.error(f"--top {parsed.top} is less than none")
    csv, html = (_file(getattr(parsed, kind), folders, kind) for kind in ("csv", "html"))
    return Asked(folders, csv, html, parsed.monitor, parsed.mode, parsed.top)


def _file(named: str | None, folders: list[str], kind: str) -> Path | None:
    if named is None:
        return None
    if not named or named in folders:
        named = str(Path(folders[0]) / f"{_NAME}.{kind}")
    path = Path(named).expanduser().resolve()
    if not path.parent.is_dir():
        raise ConfigError(f"--{kind} {named}: there is no folder {path.parent}.")
    if path.exists() and not is_own(path):
        raise ConfigError(
            f"--{kind} {named}: this file is there already and no comparison; it stays. Take another name."
        )
    return path
