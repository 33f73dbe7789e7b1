"""Kills a sweep with SIGKILL at random moments, goes on with it each time, and looks whether anything is lost.

    python benchmarks/kill_sweeps.py                          basic launcher, 20 kills
    python benchmarks/kill_sweeps.py --launcher joblib

Only the sweep's own process is killed: the processes in which joblib runs trials live on as orphans. In the end every
trial has to be there once, with the settings of an unbroken sweep, and the study has to say what the folders say.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

TASK = [
    "datamodule=image_folder",
    "datamodule.num_workers=0",
    "datamodule.batch_size=8",
    "backbone=timm",
    "backbone.model=test_vit",
    "backbone.weights=none",
    "backbone.image_size=32",
    "logger.wandb=null",
    "trainer=cpu",
    "trainer.max_epochs=3",
]


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        command = [*prepare(place), f"launcher={arguments.launcher}", f"hydra.sweeper.n_trials={arguments.trials}"]
        subprocess.run([*command, "name=unbroken"], check=True, stdout=subprocess.DEVNULL)
        moments = random.Random(arguments.seed)
        began, kills = time.monotonic(), 0
        while kills < arguments.kills:
            kills += killed([*command, "name=killed"], moments.uniform(0, arguments.longest))
            if finished(place / "logs/sweeps/killed_random", arguments.trials):
                command[-1] = f"hydra.sweeper.n_trials={(arguments := more(arguments)).trials}"
        subprocess.run([*command, "name=killed"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*command, "name=unbroken"], check=True, stdout=subprocess.DEVNULL)
        judge(place / "logs/sweeps", kills, arguments.launcher, time.monotonic() - began)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launcher", default="basic")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=12, help="more when they are done before the kills")
    parser.add_argument("--longest", type=float, default=30.0, help="seconds after a start to the last kill")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def more(arguments):
    return argparse.Namespace(**{**vars(arguments), "trials": arguments.trials + 4})


def prepare(place):
    for number in range(48):
        pixels = np.random.default_rng(number).integers(0, 120, (40, 48, 3), dtype=np.uint8) + 100 * (number % 2)
        path = place / "flowers" / ("rose", "tulip")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    own = [f"datamodule.root={place}/flowers", f"paths.logs={place}/logs", f"cache.folder={place}/features"]
    again = "hydra.sweeper.retry_failed=true"  # a trial that twenty kills hit twice counts as one that dies by itself
    return [sys.executable, "-m", "graft", "train", "sweep=random", again, *TASK, *own]


def killed(command, seconds):
    """Starts it, and kills it after so many seconds; returns whether it was there to be killed."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def finished(folder, trials):
    return (folder / "trials.csv").exists() and len((folder / "trials.csv").read_text().splitlines()) > trials


def judge(sweeps, kills, launcher, seconds):
    import optuna

    from graft.sweeps.study import open_storage

    found = {}
    for name in ("unbroken_random", "killed_random"):
        study = optuna.load_study(study_name=name, storage=open_storage(None, sweeps / name))
        kept = [trial for trial in study.trials if trial.user_attrs["ending"] == "complete"]  # others are begun anew
        for trial in kept:
            summary = json.loads((sweeps / name / str(trial.number) / "summary.json").read_text())
            assert trial.value == summary["val/auroc"], f"{name}, trial {trial.number}: the study and the folder differ"
        folders = {path.name for path in (sweeps / name).iterdir() if (path / "status.json").exists()}
        assert folders == {str(trial.number) for trial in study.trials}, f"{name}: {folders}"
        found[name] = sorted((*map(str, trial.params.values()), trial.value) for trial in kept)
        lost = len(study.trials) - len(kept)
    assert found["killed_random"] == found["unbroken_random"], found
    print(
        f"{launcher}: {kills} kills in {seconds:.0f} s; {len(kept)} trials, each there once and with the values of the"
        f" unbroken sweep; {lost} were under way at a kill and run once more"
    )


if __name__ == "__main__":
    main()
