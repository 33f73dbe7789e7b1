"""A sweep that is killed at any of its writes: each trial there once, none lost, the study equal to the folders.

Processes are killed for real by benchmarks/kill_sweeps.py; here every moment comes up, with runs that take no time.
"""

import dataclasses
import json

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from optuna.storages.journal import JournalFileBackend

from graft.config.locate import configs_dir
from graft.config.overrides import parse
from graft.runs.folder import RunFolder
from graft.runs.status import Process, State, Status
from graft.sweeps.running import run_sweep
from graft.sweeps.study import open_storage

SEARCH = [
    "sweep=random",
    "datamodule.batch_size=8",
    "task.head.dropout=0",
    "hydra.sweeper.n_trials=3",
    "launcher.jobs=2",
    "name=killed",
    "hydra.mode=MULTIRUN",
]


class Killed(BaseException):
    """What a SIGKILL is to a program: nothing on the way up does anything about it."""


class Kill:
    """Comes at one of the moments that are told to it."""

    def __init__(self, moment):
        self.left = moment

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            raise Killed


class Instant:
    """Runs jobs as a launcher does: one folder each, claimed first; the metric is the rate."""

    def __init__(self, kill, launched):
        self.kill, self.launched = kill, launched

    def launch(self, lines, initial_job_idx):
        for line in lines:
            said = {override.key_or_group: override.value() for override in parse(line)}
            folder = f"{said['hydra.sweep.dir']}/{said['hydra.sweep.subdir']}"
            self.kill()
            run = RunFolder.create(folder)
            dead = dataclasses.replace(Status.begin(), pid=2**22 + 1, process="0")
            dead.write(run.status)
            self.launched.append((said["optimizer.lr"], said["optimizer.weight_decay"]))
            self.kill()
            run.save_summary({"val/auroc": said["optimizer.lr"]})
            self.kill()
            dataclasses.replace(dead, state=State.DONE).write(run.status)
            self.kill()


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts the sweep, or goes on with it, and kills it at a moment; returns how many moments there were before."""
    monkeypatch.setenv("GRAFT_ROOT", str(tmp_path))
    monkeypatch.setattr(Process, "exists", property(lambda self: False))
    append = JournalFileBackend.append_logs
    with initialize_config_dir(str(configs_dir()), version_base="1.3"):
        config = compose("train", SEARCH, return_hydra_config=True)
    HydraConfig.instance().set_config(config)

    def run(moment, launched):
        kill = Kill(moment)

        def append_or_die(self, logs):
            kill()
            append(self, logs)
            kill()

        with monkeypatch.context() as patch:
            patch.setattr(JournalFileBackend, "append_logs", append_or_die)
            run_sweep(config, SEARCH, Instant(kill, launched))

    yield run
    HydraConfig.instance().cfg = None


def rates(folder):
    """The settings of the trials that count, and what the folders say of them."""
    study = optuna.load_study(study_name="killed_random", storage=open_storage(None, folder))
    trials = [trial for trial in study.trials if trial.user_attrs["ending"] != "lost"]
    for trial in trials:
        assert trial.state is optuna.trial.TrialState.COMPLETE
        assert trial.value == json.loads((folder / str(trial.number) / "summary.json").read_text())["val/auroc"]
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {str(trial.number) for trial in study.trials}
    return [(trial.params["optimizer.lr"], trial.params["optimizer.weight_decay"]) for trial in trials]


def test_a_kill_at_any_write_loses_and_repeats_nothing(start, tmp_path):
    folder = tmp_path / "logs" / "sweeps" / "killed_random"
    start(0, unbroken := [])
    expected = rates(folder)
    assert len(set(expected)) == 3
    moments = -1
    while True:
        moments += 2
        folder.rename(tmp_path / f"before_{moments}")
        launched = []
        try:
            start(moments, launched)
        except Killed:
            start(0, launched)
        else:
            break
        found = rates(folder)
        assert sorted(found) == sorted(expected), f"killed at moment {moments}"
        assert len(launched) - len(unbroken) <= 2, "no more than what was under way is launched again"
    assert moments > 30
