"""The best of a sweep on the test split, once, when everything is chosen."""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock
from hydra.plugins.launcher import Launcher
from optuna.trial import FrozenTrial

from graft.errors import GraftError, many
from graft.runs.status import State, read_status
from graft.sweeps.counting import under_way
from graft.sweeps.ending import best_trials, first_line
from graft.sweeps.sweep import Sweep

log = logging.getLogger(__name__)


_HERE = ("BasicLauncher", "JoblibLauncher", "LocalLauncher")  # launchers whose runs are on this machine


def prove(sweep: Sweep, launcher: Launcher) -> None:
    """Tests the best checkpoint, or trains the best configuration anew and tests that; what is done is left alone.

    Of several processes at one study the last does it: before, a trial under way may still become the best.

    Raises:
        GraftError: It failed.
    """
    with FileLock(sweep.folder / ".proof.lock"):
        if others := under_way(sweep.trials()):
            numbers = ", ".join(str(trial.number) for trial in others)
            log.warning("hydra.sweeper.best is left to the process that ends last: trial %s is under way", numbers)
            return
        if missing := sweep.missing():
            log.warning("hydra.sweeper.best waits for what is missing, %s: nothing is tested", many(missing, "trial"))
            return
        best = best_trials(sweep.study)
        _warn_of_another_look(sweep, best)
        for trial in best:
            if sweep.settings.best == "test":
                for folder in sweep.folders(str(trial.number)):
                    _test(folder)
            else:
                _retrain(sweep, launcher, f"best_{trial.number}", trial.params)


def _test(folder: Path) -> None:
    if not _is_tested(folder):
        _graft("evaluate", f"run={folder}", failed=f"{folder} could not be tested")


def _is_tested(folder: Path) -> bool:
    return any(map(_is_of_best, (folder / "evaluations").glob("*.json")))


def _is_of_best(evaluation: Path) -> bool:
    try:
        told = json.loads(evaluation.read_text())
    except ValueError:  # cut short by a power cut
        return False
    return (told.get("split"), told.get("checkpoint")) == ("test", "best")


def _warn_of_another_look(sweep: Sweep, best: Sequence[FrozenTrial]) -> None:
    """Tells when an earlier best has been tested: of several scores of the test split the first one was blind."""
    own = {name for trial in best for name in (str(trial.number), f"best_{trial.number}")}
    others = [folder.name for folder in sorted(sweep.folder.iterdir()) if folder.is_dir() and folder.name not in own]
    looked = [name for name in others if name.startswith("best_") or any(map(_is_tested, sweep.folders(name)))]
    if looked:
        log.warning(
            "the search has chosen anew since %s was tested: this is another look at the test split, so report both",
            ", ".join(looked),
        )


def _retrain(sweep: Sweep, launcher: Launcher, name: str, params: dict[str, object]) -> None:
    folders = sweep.folders(name)
    for folder in folders:
        if (folder / "status.json").exists():
            _go_on(folder, here=type(launcher).__name__ in _HERE)
    if lines := [[*line, "test=true", "report=true", "bootstrap=500"] for line in sweep.lines(params, name, None)]:
        try:
            launcher.launch(lines, initial_job_idx=len(sweep.trials()) * len(sweep.repeats))
        except Exception as error:  # a process that the system killed; what is done and what is not tells its folder
            log.warning("the launcher has ended early: %s", error)
    for folder in folders:
        status = read_status(folder / "status.json")
        if status.state is not State.DONE:
            raise GraftError(f"{folder} is {status.state}: {first_line(status.traceback or status.message or '')}")


def _go_on(folder: Path, *, here: bool) -> None:
    """Ends a retraining that an earlier start has begun; one that is done stays as it is."""
    state = read_status(folder / "status.json").state
    if state is State.DONE:
        log.info("%s is there already and stays", folder)
    elif state is State.RUNNING:
        raise GraftError(f"{folder} is still running; when it has ended, the same command goes on from there.")
    elif state is State.KILLED and not (folder / "config.yaml").exists():
        (folder / "status.json").unlink()  # claimed and no more than that: it is begun again
    elif here and state in (State.KILLED, State.INTERRUPTED):
        _graft("train", f"resume={folder}", failed=f"{folder} could not be gone on with; move it away to begin it anew")
    else:
        raise GraftError(f"{folder} is {state}: go on with `graft train resume={folder}`, or move it away.")


def _graft(*words: str, failed: str) -> None:
    if subprocess.run([sys.executable, "-m", "graft", *words], check=False).returncode:
        raise GraftError(failed)
