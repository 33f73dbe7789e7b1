"""The table of configurations: for the terminal, and as CSV."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from graft.comparing.differences import Row
from graft.comparing.grouping import Comparison, Configuration
from graft.comparing.own import LAST_COLUMNS
from graft.comparing.statistics import Spread
from graft.comparing.wording import ENDINGS, interval, mean_and_deviation, places_of, seed_names, seeds_of, setting
from graft.reports.wording import number, short
from graft.runs.status import State

Column = tuple[str, Callable[[Configuration], str]]

_NARROWEST, _WIDEST = 7, 1000  # columns: of a setting, of any terminal
COSTS = ("seconds", "parameters/trainable")
_SEEDS = ("seeds done", "seeds asked", "missing seeds")


def columns(comparison: Comparison, intervals: bool) -> list[Column]:
    """Returns heading and cell of each column behind the rank; endings only where there are such.

    Args:
        comparison: What is shown.
        intervals: Whether the 95 % interval is.
    """
    score, test = comparison.metric, f"test/{comparison.metric.removeprefix('val/')}"
    found = [_score_column(comparison, score)]
    if intervals:
        places = places_of([each.score for each in comparison.configurations])
        found.append(("95 %", lambda each: interval(each.score, places)))
    found.append(("seeds", seeds_of))
    found += [_setting_column(key) for key in comparison.shown]
    if test in comparison.metrics:
        found.append(_score_column(comparison, test))
    found += [_cost_column(name) for name in COSTS]
    ended = Counter(run.ending for each in comparison.configurations for run in each.runs)
    return found + [_ending_column(ending) for ending in ENDINGS if ending != State.DONE and ended[ending]]


def _setting_column(key: str) -> Column:
    return key, lambda each: short(setting(each.settings.get(key)))


def _score_column(comparison: Comparison, name: str) -> Column:
    places = places_of([each.over_seeds(name) for each in comparison.configurations])
    return name, lambda each: mean_and_deviation(each.over_seeds(name), places)


def _cost_column(name: str) -> Column:
    return name.rpartition("/")[2], lambda each: _mean(each.over_seeds(name))


def _ending_column(ending: str) -> Column:
    return ending, lambda each: str(each.endings[ending] or "")


def terminal_table(comparison: Comparison, top: int, width: int) -> Table:
    """Tabulates the best configurations; of what stands behind the settings as much as there is room for.

    Args:
        comparison: All of them.
        top: So many; 0: all.
        width: Of the terminal, in columns.
    """
    shown, hidden = columns(comparison, intervals=False), list[str]()
    console = Console(width=_WIDEST, force_terminal=False)
    while True:
        table = _table(comparison, comparison.configurations[: top or None], shown)
        if hidden:
            table.caption = Text(f"no room for {', '.join(hidden)}")
        fits = Measurement.get(console, console.options, table).minimum <= width
        if fits or shown[-1][0] in (*comparison.shown, "seeds"):
            return table
        hidden.insert(0, shown.pop()[0])


def _table(comparison: Comparison, rows: Sequence[Configuration], shown: Sequence[Column]) -> Table:
    better = "high" if comparison.mode == "max" else "low"
    title = f"by {comparison.metric}, {better} is better"
    table = Table(title=title, title_justify="left", caption_justify="left", box=SIMPLE_HEAD, collapse_padding=True)
    table.add_column("", justify="right", no_wrap=True)
    for heading, _ in shown:
        if heading in comparison.shown:
            table.add_column(Text(heading.replace(".", ".\n")), overflow="fold", min_width=_NARROWEST)
        else:
            table.add_column(Text(heading.replace("/", "/\n")), justify="right", no_wrap=True)
    for rank, configuration in enumerate(rows, start=1):
        place = str(rank) if configuration.score else ""
        table.add_row(place, *(Text(cell(configuration)) for _, cell in shown))
    return table


def differences_table(title: str, names: Sequence[str], rows: Sequence[Row]) -> Table:
    """Tabulates what two runs do not have in common."""
    table = Table(title=title, title_justify="left")
    for heading in ("", *names):
        table.add_column(Text(heading), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def as_csv(comparison: Comparison) -> str:
    """Returns a line for each configuration, with all digits.

    Columns: `rank`; every setting that differs; of each metric, and of what a run costs, the mean and `<name> sd`, of
    the metric that sorts `<name> low` and `<name> high` too, the 95 % interval; `seeds done` of `seeds asked`, and the
    `missing seeds`; how many runs ended in which way; the seeds that count; the folders.
    """
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    measured = [*comparison.metrics, *COSTS]
    headings = [heading for name in measured for heading in (name, f"{name} sd")]
    limits = [f"{comparison.metric} low", f"{comparison.metric} high"]
    lines.writerow(["rank", *comparison.keys, *headings, *limits, *_SEEDS, *ENDINGS, *LAST_COLUMNS])
    for rank, each in enumerate(comparison.configurations, start=1):
        values = [_cell(each.settings.get(key)) for key in comparison.keys]
        spreads = [each.over_seeds(name) for name in measured]
        scores = [cell for spread in spreads for cell in _mean_and_sd(spread)]
        low, high = (each.score and each.score.interval) or ("", "")
        seeds = [len(each.scores), len(each.asked), "; ".join(seed_names(each.missing))]
        endings = [each.endings[ending] for ending in ENDINGS]
        kept = ["; ".join(seed_names(list(each.scores))), "; ".join(str(run.path) for run in each.runs)]
        lines.writerow([rank if each.score else "", *values, *scores, low, high, *seeds, *endings, *kept])
    return file.getvalue()


def _mean(found: Spread | None) -> str:
    return "–" if found is None else number(int(found.mean) if found.mean.is_integer() else found.mean)


def _mean_and_sd(found: Spread | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    return repr(found.mean), "" if found.deviation is None else repr(found.deviation)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
