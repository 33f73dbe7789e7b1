"""What a sweep says of its trials: one line after each, and at the end a table, a file and what to do next."""

import csv
import io
import logging
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graft.comparing.statistics import spread
from graft.runs.atomic import write_json, write_text
from graft.sweeps.study import objectives
from graft.sweeps.trials import Ending, Outcome

log = logging.getLogger(__name__)

_SHOWN = 10  # trials in the table at the end; the file has all


def announce_trial(study: Study, settings: DictConfig, number: int, found: Outcome) -> None:
    """Says in one line how a trial ended, and which is the best so far."""
    trials = study.get_trials(deepcopy=False)
    trial = next(each for each in trials if each.number == number)
    names = list(objectives(settings))
    said = _values(names, found.values) if found.values else first_line(found.message) or str(found.ending)
    best = [str(each.number) for each in best_trials(study)]
    so_far = f"; best: {', '.join(best[:3])}{' …' if len(best) > 3 else ''}" if best else ""
    total = settings.n_trials or len(trials)
    over = sum(each.state.is_finished() and each.user_attrs.get("ending") != Ending.LOST for each in trials)
    log.info("trial %d (%d of %d): %s  %s, %.1f s%s", number, over, total, said, _setting(trial), found.seconds, so_far)


def conclude(study: Study, settings: DictConfig, folder: Path) -> None:
    """Writes `trials.csv` and `best.json`, and says what came out and where it goes on from here."""
    trials = study.get_trials(deepcopy=False)
    best = best_trials(study)
    if open_trials := [str(trial.number) for trial in trials if trial.state is TrialState.RUNNING]:
        log.warning(
            "trial %s is of another process, and not counted here; where that is gone with its machine, the same"
            " command runs it once more, a quarter of an hour after its last sign of life",
            ", ".join(open_trials),
        )
    write_text(folder / "trials.csv", _csv(trials, list(objectives(settings))))
    write_json(folder / "best.json", [_described(trial, settings, folder) for trial in best])
    Console().print(_table(study, settings))
    if best:
        quoted = shlex.quote(str(folder))
        first = shlex.quote(str(run_of(best[0].number, settings, folder)))
        print(f"compare the trials:       graft compare {quoted}")
        print(f"test the best one, once:  graft evaluate run={first}")
    print(f"sweep folder: {folder}")


def best_trials(study: Study) -> list[FrozenTrial]:
    """Returns the best trial, or those of the Pareto front where there are several objectives; none is pruned."""
    if not any(trial.state is TrialState.COMPLETE for trial in study.get_trials(deepcopy=False)):
        return []
    return [study.best_trial] if len(study.directions) == 1 else study.best_trials


def first_line(text: str) -> str:
    """Returns the last line of a traceback, or the first of any other message."""
    lines = text.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _described(trial: FrozenTrial, settings: DictConfig, folder: Path) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "run": str(run_of(trial.number, settings, folder).relative_to(folder)),
        "values": dict(zip(objectives(settings), trial.values, strict=True)),
        "intervals": dict(zip(objectives(settings), _intervals(trial), strict=True)),
        "params": trial.params,
    }


def run_of(number: int, settings: DictConfig, folder: Path) -> Path:
    """Returns the run folder of a trial; of several seeds or folds that of the first."""
    own = folder / str(number)
    alone = settings.seeds == settings.folds == 1
    return own if alone else min((status.parent for status in own.glob("*/status.json")), default=own)


def _table(study: Study, settings: DictConfig) -> Table:
    trials, names = study.get_trials(deepcopy=False), list(objectives(settings))
    states = [str(trial.user_attrs.get("ending")) for trial in trials if trial.state.is_finished()]
    counted = ", ".join(f"{states.count(ending)} {ending}" for ending in Ending if ending in states)
    table = Table(title=f"{study.study_name}: {counted}", title_justify="left")
    for column in ("trial", *names, "seconds", "setting"):
        table.add_column(column, justify="left" if column == "setting" else "right")
    if _has_several(trials):
        table.caption = f"mean ± half of its 95 % interval over {_runs(settings)} (Student's t)"
    front = {trial.number for trial in best_trials(study)}
    for trial in _ranked(study)[:_SHOWN]:
        mark = "*" if trial.number in front else ""
        values = [_with_reach(*each) for each in zip(trial.values, _intervals(trial), strict=True)]
        setting = Text(_setting(trial))  # brackets in it are no markup
        table.add_row(f"{mark}{trial.number}", *values, f"{trial.user_attrs['seconds']:.1f}", setting)
    return table


def _intervals(trial: FrozenTrial) -> list[tuple[float, float] | None]:
    """Of each objective, where the mean over seeds or folds lies in 95 % of cases; None of a single run."""
    found = [spread(values) for values in zip(*trial.user_attrs.get("runs", ()), strict=True)]
    return [each.interval if each else None for each in found] or [None] * len(trial.values or ())


def _with_reach(value: float, interval: tuple[float, float] | None) -> str:
    written = f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"
    return written if interval is None else f"{written} ± {(interval[1] - interval[0]) / 2:.4f}"


def _runs(settings: DictConfig) -> str:
    found = {"seeds": settings.seeds, "folds": settings.folds}
    return " × ".join(f"{count} {what}" for what, count in found.items() if count > 1)


def _ranked(study: Study) -> list[FrozenTrial]:
    """The complete trials, by the first objective."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
    return sorted(complete, key=lambda trial: sign * trial.values[0])


def _csv(trials: Sequence[FrozenTrial], names: Sequence[str]) -> str:
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    limits = [f"{name} {end}" for name in names for end in ("low", "high")] if _has_several(trials) else []
    lines.writerow(["trial", "ending", *names, *limits, "seconds", *keys, "message"])
    for trial in trials:
        values = trial.values or [""] * len(names)
        intervals = [end for each in _intervals(trial) for end in each or ("", "")] or [""] * len(limits)
        told = trial.user_attrs
        ending, seconds, message = (
            told.get("ending", trial.state.name.lower()),
            told.get("seconds", ""),
            told.get("message"),
        )
        settings = [trial.params.get(key, "") for key in keys]
        lines.writerow(
            [trial.number, ending, *values, *intervals[: len(limits)], seconds, *settings, first_line(message or "")]
        )
    return text.getvalue()


def _has_several(trials: Sequence[FrozenTrial]) -> bool:
    return any(len(trial.user_attrs.get("runs", ())) > 1 for trial in trials)


def _values(names: Sequence[str], values: Sequence[float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values, strict=True))


def _setting(trial: FrozenTrial) -> str:
    return " ".join(f"{key}={_short(value)}" for key, value in trial.params.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
