"""Which metric sorts: the one that all runs monitor, or the one that is asked for; never one of the test split."""

from collections import Counter
from collections.abc import Sequence

from graft.comparing.reading import Run
from graft.comparing.settings import value_of
from graft.errors import ConfigError, did_you_mean


def metric_of(runs: Sequence[Run], monitor: str | None = None, mode: str | None = None) -> tuple[str, str]:
    """Returns the name of the metric, and whether its `max` or its `min` is the best.

    Args:
        runs: Not empty.
        monitor: Asked for; None: what the runs monitor.
        mode: Likewise: `max` or `min`.

    Raises:
        ConfigError: The runs do not agree and nobody has said which counts, or they do not have what is asked for.
    """
    if monitor is not None and not monitor.startswith("val/"):
        raise ConfigError(
            f"--monitor {monitor}: runs are sorted by a metric of the validation split, val/…; the test split, or the "
            "training data, choose nothing."
        )
    monitored = Counter((str(value_of(run.settings, "monitor")), _mode(run)) for run in runs)
    fitting = {
        pair for pair in monitored if monitor in (None, pair[0]) and mode in (None, pair[1])
    } or _never_monitored(runs, monitor, mode)
    if len(fitting) > 1:
        said = ", ".join(f"{name} ({which}) by {count}" for (name, which), count in monitored.most_common())
        name, which = monitored.most_common(1)[0][0]
        raise ConfigError(
            f"the runs monitor different metrics: {said}. Say which one sorts: --monitor {name} --mode {which}. "
            "The scores of each run are those of the checkpoint that its own monitor chose."
        )
    return fitting.pop()


def _mode(run: Run) -> str:
    return str(value_of(run.settings, "mode"))


def _never_monitored(runs: Sequence[Run], monitor: str | None, mode: str | None) -> set[tuple[str, str]]:
    """What no run monitors, but all may have."""
    if monitor is None:
        raise ConfigError(f"--mode {mode}: that is not what the runs monitor. Say the metric too: --monitor val/…")
    names = dict.fromkeys(name for run in runs for name in run.summary if name.startswith("val/"))
    if monitor not in names:
        there = f"There are {', '.join(names)}." if names else "No run has scores yet."
        raise ConfigError(f"--monitor {monitor}: no run has it.{did_you_mean(monitor, names)} {there}")
    if mode is None:
        raise ConfigError(
            f"--monitor {monitor}: no run monitors it. Say whether high or low is good: --mode max or min."
        )
    return {(monitor, mode)}
