"""Launchers: trials at once in processes of their own come to what they come to one after another."""

import csv
import io
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
WORDS = ["optimizer.lr=1e-3,3e-3,1e-2,3e-2", "trainer.max_epochs=2", "name=tiny"]


@pytest.fixture
def sweep(tiny_words, flowers, tmp_path):
    """Runs the sweep as a program; returns what each trial came to."""

    def run(launcher, *words):
        environment = os.environ | {"GRAFT_ROOT": str(tmp_path / launcher)}
        own = [*tiny_words, f"datamodule.root={flowers}", *WORDS, f"launcher={launcher}", *words]
        done = subprocess.run(
            [sys.executable, "-m", "graft", "train", "sweep=grid", *own],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        text = (tmp_path / launcher / "logs" / "sweeps" / "tiny_grid" / "trials.csv").read_text()
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
