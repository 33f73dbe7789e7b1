"""A run as far as it is compared: how it ended, what was set, what came out, what it was made with."""

import csv
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft.comparing.settings import flat_config, is_number, value_of
from graft.errors import GraftError
from graft.runs.folder import RunFolder
from graft.runs.status import State, read_status

PRUNED = "pruned"
Seeds = tuple[Any, ...]  # what two runs have in common that differ in nothing but their settings
Curve = list[tuple[float, float]]
SEED_KEYS = ("seed", "datamodule.split.seed", "datamodule.split.fold", "datamodule.split.val_fold")
DRAWN, FOLDS = SEED_KEYS[:2], SEED_KEYS[2:]
_FOLD = re.compile(r"\s*\d+\s*(?:\bof\b|/)\s*(\d+)\s*")
REPEAT = re.compile(r"(?:seed_(\d+))?_?(?:fold_(\d+))?")  # the folder of one of the runs of a trial
FOUND = "found"  # in the place of a value that `find` has found, which is another one with each seed
_FINDABLE = {"lr": "optimizer.lr", "batch_size": "datamodule.batch_size"}  # by the names that find.json has


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        folder: Its folder.
        ending: A state of `graft.runs.status.State`, or `pruned`.
        message: What stopped it; empty where nothing did.
        settings: By dotted key, interpolations as they stand in the file; empty, where a run that never began is of an
            unknown configuration.
        summary: By name; empty before the end.
        session: Of `environment.json`, the last.
        found: Keys whose values were found before the training.
        sweep: The folder of the sweep that has launched it, or None.
        begun: Whether it came as far as to write down its config.
    """

    folder: RunFolder
    ending: str
    message: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    session: dict[str, Any]
    found: tuple[str, ...] = ()
    sweep: Path | None = None
    begun: bool = True

    @property
    def path(self) -> Path:
        """Of its folder, absolute."""
        return self.folder.path

    @property
    def asked(self) -> dict[str, Any]:
        """The settings as they were asked for: of what was found before the training (`find=lr`), that it was.

        Of a fold, it has of how many: with more of them a run trains on more samples, and without one on others.
        """
        folds = {key: f"one of {count}" for key, count in zip(FOLDS, self.parts, strict=True) if count}
        return {**self.settings, **dict.fromkeys(self.found, FOUND), **folds}

    @property
    def parts(self) -> tuple[int | None, ...]:
        """Into how many folds the samples are cut for test and validation; None: into none."""
        return tuple(folds_of(value_of(self.settings, key)) for key in FOLDS)

    @property
    def finished(self) -> bool:
        """Whether it has trained for as long as it was to."""
        return self.ending == State.DONE

    @property
    def seeds(self) -> Seeds:
        """The values of `SEED_KEYS`."""
        return tuple(value_of(self.settings, key) for key in SEED_KEYS)

    def score(self, name: str) -> float | None:
        """Returns a number of the summary; None where there is none, or where it is not finite."""
        value = self.summary.get(name)
        return float(value) if is_number(value) and math.isfinite(value) else None


def folds_of(fold: Any) -> int | None:
    """Returns the 5 of `2/5`, or `2 of 5`; None where there is no fold."""
    match = _FOLD.fullmatch(fold) if isinstance(fold, str) else None
    return int(match[1]) if match else None


def read_runs(folders: Iterable[Path]) -> tuple[list[Run], dict[Path, str]]:
    """Reads runs.

    Returns:
        The runs; and, by folder, what is wrong with those that cannot be read.
    """
    runs, unreadable = [], {}
    for folder in folders:
        try:
            runs.append(_read(RunFolder(folder)))
        except GraftError as error:
            unreadable[folder] = str(error)
        except (OSError, ValueError) as error:  # of the system, of JSON, of text that is none
            unreadable[folder] = f"{type(error).__name__}: {error}"
    return runs, unreadable


def read_curves(runs: Iterable[Run], metric: str) -> tuple[dict[Path, Curve], dict[Path, str]]:
    """Reads a metric of each validation, as far as `metrics.csv` has them.

    Returns:
        Epochs, from 1, and values by run folder; and, likewise, what is wrong with files that cannot be read.
    """
    curves, damaged = {}, {}
    for run in runs:
        try:
            curves[run.path] = _curve(run.folder.metrics, metric)
        except (OSError, ValueError, csv.Error) as error:
            damaged[run.path] = f"metrics.csv is damaged: {error}"
    return curves, damaged


def _curve(path: Path, metric: str) -> Curve:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        columns = next(rows, [])
        if metric not in columns:
            return []
        epoch, value = columns.index("epoch"), columns.index(metric)
        last = max(epoch, value)  # a row that a kill has cut has less
        cells = [(row[epoch], row[value]) for row in rows if len(row) > last and row[epoch] and row[value]]
    points = [(float(at) + 1, float(of)) for at, of in cells]
    return [point for point in points if math.isfinite(point[1])]


def _read(run: RunFolder) -> Run:
    status = read_status(run.status)
    if not run.config.exists():
        if status.state is State.DONE:
            raise GraftError("config.yaml is missing, though the run is done")
        return Run(run, status.state, status.message or "it stopped before it began", {}, {}, {}, begun=False)
    summary = _object(run.summary)
    if status.state is State.DONE and not summary:
        raise GraftError("summary.json is missing, though the run is done")
    pruned = status.state is State.DONE and summary.get("pruned_at") is not None
    environment = _object(run.environment)
    sessions = environment.get("sessions")
    return Run(
        folder=run,
        ending=PRUNED if pruned else status.state,
        message=status.message or "",
        settings=flat_config(run.config),
        summary=summary,
        session=sessions[-1] if isinstance(sessions, list) and sessions and isinstance(sessions[-1], dict) else {},
        found=tuple(_FINDABLE[name] for name in _object(run.found) if name in _FINDABLE),
        sweep=trial_of(run.path).parent if environment.get("sweep") else None,
    )


def trial_of(path: Path) -> Path:
    """Returns the folder of a trial: that of its run, or, of several seeds or folds, the one above."""
    return path.parent if REPEAT.fullmatch(path.name) else path


def _object(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where there is none."""
    if not path.exists():
        return {}
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise GraftError(f"{path.name} is damaged: it holds no keys")
    return data
