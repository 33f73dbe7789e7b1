"""The best of a sweep on the test split, once, when everything is chosen."""

import json
import logging
import subprocess
import sys
from pathlib import Path

from hydra.plugins.launcher import Launcher

from graft.errors import GraftError
from graft.runs.folder import RunFolder
from graft.runs.status import State, read_status
from graft.sweeps.ending import best_trials
from graft.sweeps.sweep import Sweep

log = logging.getLogger(__name__)


def prove(sweep: Sweep, launcher: Launcher) -> None:
    """Tests the best checkpoint, or trains the best configuration anew and tests that; what is done is left alone.

    Raises:
        GraftError: It failed.
    """
    for trial in best_trials(sweep.study):
        if sweep.settings.best == "test":
            for folder in sweep.folders(str(trial.number)):
                _test(folder)
        else:
            _retrain(sweep, launcher, f"best_{trial.number}", trial.params)


def _test(folder: Path) -> None:
    known = (json.loads(file.read_text()) for file in (folder / "evaluations").glob("*.json"))
    if not any((each.get("split"), each.get("checkpoint")) == ("test", "best") for each in known):
        ended = subprocess.run([sys.executable, "-m", "graft", "evaluate", f"run={folder}"], check=False)
        if ended.returncode:
            raise GraftError(f"{folder} could not be tested")


def _retrain(sweep: Sweep, launcher: Launcher, name: str, params: dict[str, object]) -> None:
    folders = sweep.folders(name)
    begun = [folder for folder in folders if (folder / "status.json").exists()]
    for folder in begun:
        if (state := read_status(folder / "status.json").state) is not State.DONE:
            raise GraftError(f"{folder} is {state}: go on with `graft train resume={folder}`, or move it away.")
    if begun:
        log.info("%s is there already and stays", sweep.folder / name)
        return
    lines = [[*line, "test=true", "report=true", "bootstrap=500"] for line in sweep.lines(params, name, None)]
    launcher.launch(lines, initial_job_idx=len(sweep.study.get_trials(deepcopy=False)) * len(sweep.repeats))
    for folder in folders:
        RunFolder(folder).load_summary()
