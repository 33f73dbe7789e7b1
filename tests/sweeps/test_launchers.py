"""Launchers: trials at once in processes of their own come to what they come to one after another."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow
WORDS = ["optimizer.lr=1e-3,3e-3,1e-2,3e-2", "trainer.max_epochs=2", "name=tiny"]


@pytest.fixture
def sweep(tiny_words, flowers, tmp_path):
    """Runs the sweep as a program; returns what each trial came to. `meanwhile` is given the sweep's folder."""

    def run(launcher, *words, meanwhile=lambda folder: None):
        environment = os.environ | {"GRAFT_ROOT": str(tmp_path / launcher)}
        own = [*tiny_words, f"datamodule.root={flowers}", *WORDS, f"launcher={launcher}", *words]
        folder = tmp_path / launcher / "logs" / "sweeps" / "tiny_grid"
        with subprocess.Popen(
            [sys.executable, "-m", "graft", "train", "sweep=grid", *own],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            meanwhile(folder)
            said, _ = process.communicate(timeout=400)
        assert process.returncode == 0, said
        text = (folder / "trials.csv").read_text()
        return [{key: row[key] for key in row if key != "seconds"} for row in csv.DictReader(io.StringIO(text))]

    return run


def has_slurm():
    """Whether there is a cluster to send jobs to: Debian's slurm-wlm on one machine will do."""
    return (
        shutil.which("sinfo") is not None and "idle" in subprocess.run(["sinfo"], capture_output=True, text=True).stdout
    )


@pytest.mark.skipif(not has_slurm(), reason="needs a Slurm cluster, to which submitit sends jobs")
def test_trials_on_a_cluster_come_to_the_same(sweep):
    words = ["launcher.jobs=4", "hydra.launcher.gpus_per_node=null", "hydra.launcher.cpus_per_task=1"]
    assert sweep("submitit_slurm", *words) == sweep("basic")


def test_trials_at_once_come_to_what_they_come_to_one_after_another(sweep, tmp_path):
    alone = sweep("basic")
    assert len(alone) == 4
    for launcher in ("joblib", "submitit_local", "ray"):
        assert sweep(launcher, "launcher.jobs=4") == alone, launcher
    (features,) = (path for path in (tmp_path / "features").iterdir() if path.is_dir())
    assert len(list(features.glob("*.safetensors"))) == 1, "computed once for all"


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local", "ray"])
def test_a_process_that_is_killed_costs_its_trial_one_more_run_and_the_others_nothing(sweep, launcher):
    def kill_the_second(folder):
        status = folder / "1" / "status.json"
        for _ in range(600):
            if status.exists() and (told := json.loads(status.read_text()))["state"] == "running":
                os.kill(told["pid"], signal.SIGKILL)
                return
            time.sleep(0.1)
        pytest.fail("the second trial never began")

    longer = "trainer.max_epochs=60"  # that it does not end before it is killed
    killed = sweep(launcher, "launcher.jobs=2", longer, meanwhile=kill_the_second)
    whole = [trial for trial in killed if trial["ending"] == "complete"]
    assert [trial["ending"] for trial in killed if trial["trial"] == "1"] == ["lost"]
    assert [trial["ending"] for trial in killed].count("complete") == 4
    alone = sweep("basic", longer)
    assert sorted(map(came_to, whole)) == sorted(map(came_to, alone))


def came_to(trial):
    return trial["optimizer.lr"], trial["val/auroc"]
