"""The table of configurations: for the terminal, and as CSV."""

import csv
import io
from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text

from graft.comparing.differences import Row
from graft.comparing.grouping import Comparison, Configuration
from graft.comparing.own import LAST_COLUMNS
from graft.comparing.statistics import Spread
from graft.comparing.wording import ENDINGS, interval, mean_and_deviation, seed_names, setting
from graft.reports.wording import number, short
from graft.runs.status import State

COSTS = ("seconds", "parameters/trainable")


def columns(comparison: Comparison) -> list[tuple[str, Callable[[Configuration], str]]]:
    """Returns heading and cell of each column behind the rank; endings only where there are such."""
    test = f"test/{comparison.metric.removeprefix('val/')}"
    found: list[tuple[str, Callable[[Configuration], str]]] = [
        *((key, lambda each, key=key: short(setting(each.settings.get(key)))) for key in comparison.shown),
        (comparison.metric, lambda each: mean_and_deviation(each.score)),
        ("95 %", lambda each: interval(each.score)),
        ("seeds", lambda each: str(len(each.scores))),
    ]
    if test in comparison.metrics:
        found.append((test, lambda each: mean_and_deviation(each.over_seeds(test))))
    found += [
        ("seconds", lambda each: _mean(each.over_seeds("seconds"))),
        ("trainable", lambda each: _mean(each.over_seeds("parameters/trainable"))),
    ]
    for ending in ENDINGS:
        if ending != State.DONE and any(run.ending == ending for run in comparison.runs):
            found.append((str(ending), lambda each, ending=ending: str(each.endings[ending] or "")))  # type: ignore[misc]
    return found


def terminal_table(comparison: Comparison, top: int) -> Table:
    """Tabulates the best configurations.

    Args:
        comparison: All of them.
        top: So many; 0: all.
    """
    better = "high" if comparison.mode == "max" else "low"
    table = Table(title=f"by {comparison.metric}, {better} is better", title_justify="left")
    table.add_column("", justify="right")
    shown = columns(comparison)
    for heading, _ in shown:
        table.add_column(Text(heading), justify="left" if heading in comparison.shown else "right", overflow="fold")
    for rank, configuration in enumerate(comparison.configurations[: top or None], start=1):
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
    the metric that sorts `<name> low` and `<name> high` too, the 95 % interval; how many runs ended in which way; the
    seeds that count; the folders.
    """
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    measured = [*comparison.metrics, *COSTS]
    headings = [heading for name in measured for heading in (name, f"{name} sd")]
    limits = [f"{comparison.metric} low", f"{comparison.metric} high"]
    lines.writerow(["rank", *comparison.keys, *headings, *limits, *ENDINGS, *LAST_COLUMNS])
    for rank, each in enumerate(comparison.configurations, start=1):
        values = [_cell(each.settings.get(key)) for key in comparison.keys]
        spreads = [each.over_seeds(name) for name in measured]
        scores = [cell for spread in spreads for cell in _mean_and_sd(spread)]
        low, high = (each.score and each.score.interval) or ("", "")
        endings = [each.endings[ending] for ending in ENDINGS]
        kept = ["; ".join(seed_names(list(each.scores))), "; ".join(str(run.path) for run in each.runs)]
        lines.writerow([rank if each.score else "", *values, *scores, low, high, *endings, *kept])
    return file.getvalue()


def _mean(found: Spread | None) -> str:
    return "–" if found is None else number(int(found.mean) if found.mean.is_integer() else found.mean)


def _mean_and_sd(found: Spread | None) -> tuple[str, str]:
    if found is None:
        return "", ""
    return repr(found.mean), "" if found.deviation is None else repr(found.deviation)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
