"""Runs that stopped before they could write down their config: why, and of which configuration they were."""

import csv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from graft.comparing.reading import REPEAT, Run, trial_of
from graft.runs.status import State

_OF_FOLDS = "datamodule.split.val_fold"


def with_unbegun(runs: Sequence[Run]) -> list[Run]:
    """Returns all runs; those that never began with what their sweep and their trial tell of them.

    A launcher that cannot start a job leaves an empty folder, which the sweep claims, as killed; why the trial failed
    stands in its `trials.csv`. The settings are those of another seed or fold of the same trial, where one has begun;
    folders that someone has named so, in no sweep, may be of anything.
    """
    of_sweeps = [run for run in runs if run.begun and run.sweep is not None]
    beside = {trial_of(run.path): run for run in of_sweeps if REPEAT.fullmatch(run.path.name)}
    told = cache(_told)
    return [run if run.begun else _known(run, told(trial_of(run.path)), beside.get(trial_of(run.path))) for run in runs]


def _known(run: Run, failure: str | None, beside: Run | None) -> Run:
    if failure is not None:
        run = replace(run, ending=State.FAILED, message=failure)
    if beside is None:
        return run
    return replace(run, settings=_settings(run.path, beside.settings), found=beside.found, sweep=beside.sweep)


def _told(trial: Path) -> str | None:
    """What made a trial fail, as its sweep says at its end; None where it did not, or that is not known."""
    file = trial.parent / "trials.csv"
    # Absent until the sweep ends; where it is damaged, the run's own status counts.
    with suppress(OSError, csv.Error), file.open(encoding="utf-8", errors="replace", newline="") as lines:
        for row in csv.DictReader(lines):
            if (row.get("trial"), row.get("ending")) == (trial.name, "failed"):
                return row.get("message") or ""
    return None


def _settings(path: Path, beside: dict[str, Any]) -> dict[str, Any]:
    """Those of another run of the trial, with the seed and the fold that the name of the folder tells."""
    match = REPEAT.fullmatch(path.name)
    seed, fold = match.groups() if match else (None, None)
    own: dict[str, Any] = {} if seed is None else {"seed": int(seed)}
    if fold is not None:
        own[_OF_FOLDS] = f"{fold}/{str(beside.get(_OF_FOLDS)).partition('/')[2]}"
    return {**beside, **own}
