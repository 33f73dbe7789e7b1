"""What comes of a comparison: words for the terminal, and files."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from shutil import get_terminal_size

from graft.comparing.asking import Asked
from graft.comparing.differences import config_differences, environment_differences, names_of
from graft.comparing.grouping import Comparison, compared
from graft.comparing.importance import importance
from graft.comparing.metric import metric_of
from graft.comparing.reading import Run, read_curves, read_runs
from graft.comparing.table import as_csv, differences_table, terminal_table
from graft.comparing.unbegun import with_unbegun
from graft.comparing.verdict import incomplete, verdict
from graft.comparing.wording import counted, made_alike
from graft.errors import GraftError, many
from graft.reports.terminal import rendered
from graft.runs.atomic import write_text

_WIDTH = 160  # columns, where there is no terminal
_TOLD = 5  # folders of which the terminal says what is wrong


def outcome(asked: Asked, folders: Sequence[Path], refused: Mapping[Path, str], process: Executor | None) -> str:
    """Reads runs, writes the files that are asked for and returns what is to be printed.

    Args:
        asked: What is wanted.
        folders: Of the runs.
        refused: Why others cannot be looked into, by folder.
        process: That computes while this one draws, or None.

    Raises:
        ConfigError: The runs do not say by what they are to be sorted.
        GraftError: No run can be read, or a file cannot be written.
    """
    runs, damaged = read_runs(folders)
    unreadable = {**refused, **damaged}
    if not any(run.begun for run in runs):
        stopped = {run.path: f"{run.ending}: {run.message}" for run in with_unbegun(runs)}
        raise GraftError("none of the runs can be read:" + _listed({**stopped, **unreadable}))
    comparison = compared(runs, unreadable, *metric_of([run for run in runs if run.begun], asked.monitor, asked.mode))
    said = list(_told(comparison, asked.top))
    if asked.csv:
        said.append(_write(asked.csv, as_csv(comparison)))
    if asked.html:
        said += _write_page(asked.html, comparison, process)
    return "\n".join(said)


def _told(comparison: Comparison, top: int) -> Iterator[str]:
    width = get_terminal_size((_WIDTH, 0)).columns
    yield rendered(terminal_table(comparison, top, width), width)
    if top and len(comparison.configurations) > top:
        yield f"The best {top} of {many(len(comparison.configurations), 'configuration')}; --top 0 shows all."
    yield counted(comparison)
    yield from made_alike(comparison.runs)
    if unbegun := {run.path: f"{run.ending}: {run.message}" for run in comparison.runs if not run.begun}:
        yield "Before they began:" + _listed(unbegun)
    if comparison.unreadable:
        yield "Skipped:" + _listed(comparison.unreadable)
    yield from filter(None, (incomplete(comparison), verdict(comparison)))
    if len(comparison.runs) == 2 and all(run.begun for run in comparison.runs):
        yield from _differences(comparison.runs[0], comparison.runs[1], width)


def _differences(first: Run, second: Run, width: int) -> Iterator[str]:
    for what, rows in (
        ("configs", config_differences(first, second)),
        ("environments", environment_differences(first, second)),
    ):
        table = differences_table(f"what differs in the {what}", names_of(first, second), rows)
        yield rendered(table, width) if rows else f"Nothing differs in the {what}."


def _write_page(path: Path, comparison: Comparison, process: Executor | None) -> Iterator[str]:
    scored = [
        (each.settings, score)
        for each in comparison.configurations
        for run in each.finished
        if (score := run.score(comparison.metric)) is not None
    ]
    rows, scores = [settings for settings, _ in scored], [score for _, score in scored]
    sought = process.submit(importance, rows, comparison.shown, scores) if process else None
    from graft.comparing.page import page

    curves, damaged = read_curves(comparison.runs, comparison.metric)
    found = sought.result if sought else lambda: importance(rows, comparison.shown, scores)
    if damaged:
        yield "Without learning curves:" + _listed(damaged)
    yield _write(path, page(comparison, curves, found))


def _listed(wrong: Mapping[Path, str]) -> str:
    lines = [f"\n  {folder}: {why}" for folder, why in wrong.items()]
    more = len(lines) - _TOLD
    return "".join(lines[:_TOLD]) + (f"\n  and {more:,} more" if more > 0 else "")


def _write(path: Path, text: str) -> str:
    there = path.exists()
    try:
        write_text(path, text)
    except OSError as error:
        raise GraftError(f"{path} cannot be written: {error.strerror}") from error
    return f"{'replaced' if there else 'written'}: {path}"
