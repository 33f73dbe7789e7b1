"""Processes that die: what they take along counts by its own folders, and none is run again without end."""

import dataclasses
import os
import shutil
import signal
import time
from pathlib import Path

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from optuna.trial import TrialState

from graft.config.locate import configs_dir
from graft.config.overrides import parse
from graft.errors import GraftError, Interrupted
from graft.runs import signs
from graft.runs.folder import RunFolder
from graft.runs.status import Process, State, Status, read_status
from graft.sweeps import owning, proof
from graft.sweeps import trials as reading
from graft.sweeps.running import run_sweep
from graft.sweeps.study import open_storage

RATES = ("0.1", "0.01", "0.02", "0.03")
GUILTY = 0.1


class Died(BaseException):
    """A SIGKILL of the sweep's own process."""


class Run:
    """A job that is launched, as far as it comes."""

    def __init__(self, line):
        said = {override.key_or_group: override.value() for override in parse(line)}
        self.rate, self.seed = said["optimizer.lr"], said.get("seed", 0)
        self.path = Path(str(said["hydra.sweep.dir"])) / str(said["hydra.sweep.subdir"])

    def begin(self):
        self.folder = RunFolder.create(self.path)
        return self

    def die(self):
        gone = dataclasses.replace(Status.begin(), pid=2**22 + 1, process="0")
        gone.write(self.begin().folder.status)

    def end(self):
        self.folder.save_summary({"val/auroc": 1 - self.rate})
        dataclasses.replace(read_status(self.folder.status), state=State.DONE).write(self.folder.status)


class Launcher:
    """Hands each batch to a function."""

    def __init__(self, act):
        self.act, self.batches = act, []

    def launch(self, lines, initial_job_idx):
        self.batches.append([Run(line).path.name for line in lines])
        self.act([Run(line) for line in lines])


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Runs the sweep of the four rates; returns the launcher and how each trial ended, by number."""
    monkeypatch.setenv("GRAFT_ROOT", str(tmp_path))
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    def run(act, *words, rates=RATES):
        line = [
            "sweep=grid",
            f"optimizer.lr={rates if isinstance(rates, str) else ','.join(rates)}",
            "name=lost",
            "hydra.mode=MULTIRUN",
            *words,
        ]
        with initialize_config_dir(str(configs_dir()), version_base="1.3"):
            config = compose("train", [each for each in line if "lr=" not in each], return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        run.launchers.append(launcher := Launcher(act))
        try:
            run_sweep(config, line, launcher)
        except GraftError as error:
            launcher.error = str(error)
        study = optuna.load_study(
            study_name="lost_grid", storage=open_storage(None, tmp_path / "logs/sweeps/lost_grid")
        )
        return launcher, [(trial.params["optimizer.lr"], trial.user_attrs.get("ending")) for trial in study.trials]

    run.launchers = []
    yield run
    HydraConfig.instance().cfg = None


def test_a_job_that_dies_fails_and_no_other_of_its_batch_does(sweep):
    def ends_at_the_first_that_dies(runs):
        for run in runs[:3]:
            if run.rate == GUILTY or (len(runs) == 4 and run.rate == 0.02):
                run.die()  # the second with the pool of the first
            else:
                run.begin().end()
        if any(run.rate == GUILTY for run in runs):
            raise RuntimeError("a worker was killed")  # the fourth has not begun

    launcher, found = sweep(ends_at_the_first_that_dies, "launcher.jobs=4")
    assert launcher.batches == [["0", "1", "2", "3"], ["4"], ["5"], ["6"]], "those that died are each run by itself"
    lost = [("0.1", "lost"), ("0.01", "complete"), ("0.02", "lost"), ("0.03", "lost")]
    assert found == [*lost, ("0.1", "failed"), ("0.02", "complete"), ("0.03", "complete")]
    assert "1 of the sweep's trials failed" in launcher.error
    assert "a worker was killed: out of memory? It did so 2 times; hydra.sweeper.retry_failed=true" in launcher.error


def test_a_search_draws_what_an_unbroken_one_would_have_also_after_a_trial_that_failed(sweep, monkeypatch, tmp_path):
    monkeypatch.setattr(Process, "exists", property(lambda self: False))
    deaths = []

    def dies(runs):
        for run in runs:
            if deaths:
                deaths.pop()
                run.die()
                raise Died
            run.begin().end()

    words = ["hydra.sweeper.n_trials=4", "hydra.sweeper.sampler={_target_: optuna.samplers.RandomSampler}"]
    _, unbroken = sweep(dies, *words, rates="interval(0.01,0.1)")
    shutil.rmtree(tmp_path / "logs")
    deaths += [1, 2]
    for _ in range(2):
        with pytest.raises(Died):
            sweep(dies, *words, rates="interval(0.01,0.1)")
    _, found = sweep(dies, *words, "hydra.sweeper.retry_failed=true", rates="interval(0.01,0.1)")
    assert [ending for _, ending in found[:2]] == ["lost", "failed"]
    assert sorted(each for each in found if each[1] == "complete") == sorted(unbroken)


def test_jobs_that_wait_in_a_queue_may_begin_while_others_are_waited_for(sweep, monkeypatch, caplog):
    going = []

    def ends_early(runs):
        going.extend([runs[3].begin(), *runs[1:3]])
        runs[0].begin().end()
        raise RuntimeError("a job died")

    def later(seconds):
        running, *queued = going
        running.end()
        for each in queued:
            each.begin().end()

    monkeypatch.setattr(reading.time, "sleep", later)
    launcher, found = sweep(ends_early, "launcher.jobs=4")
    assert launcher.batches == [["0", "1", "2", "3"]]
    assert [ending for _, ending in found] == ["complete"] * 4
    assert [record.getMessage() for record in caplog.records if "waiting for" in record.getMessage()] == [
        f"waiting for {going[0].path}, which goes on without its launcher (process {os.getpid()})"
    ]


def test_a_trial_that_takes_its_sweep_along_twice_is_given_up_and_can_be_tried_again(sweep, monkeypatch):
    monkeypatch.setattr(Process, "exists", property(lambda self: False))
    tried = []

    def dies(runs):
        tried.extend(run.rate for run in runs)
        for run in runs:
            if run.rate == GUILTY:
                run.die()
                raise Died
            run.begin().end()

    for _ in range(2):
        with pytest.raises(Died):
            sweep(dies)
    launcher, found = sweep(dies)
    assert tried == [0.1, 0.01, 0.02, 0.03, 0.1]
    assert [ending for rate, ending in found if rate == "0.1"] == ["lost", "failed"]
    assert "hydra.sweeper.retry_failed=true tries it again" in launcher.error
    sweep(dies)
    assert tried.count(GUILTY) == 2, "not unasked"
    with pytest.raises(Died):
        sweep(dies, "hydra.sweeper.retry_failed=true")
    assert tried.count(GUILTY) == 3


def test_a_trial_of_another_machine_is_lost_when_that_gives_no_sign_of_life(sweep, monkeypatch, tmp_path, caplog):
    proven = []
    monkeypatch.setattr(proof, "_test", proven.append)

    def dies(runs):
        runs[0].die()
        raise Died

    def ends(runs):
        for run in runs:
            run.begin().end()

    with pytest.raises(Died):
        sweep(dies)
    folder = tmp_path / "logs/sweeps/lost_grid"
    assert not list(folder.glob(".at_work_*")), "this process is gone by itself"
    storage = open_storage(None, folder)
    elsewhere = {"host": "elsewhere", "pid": 7, "mark": "1"}
    (trial,) = storage.get_all_trials(0, states=(TrialState.RUNNING,))
    storage.set_trial_user_attr(trial._trial_id, "owner", elsewhere)
    sign = folder / ".at_work_elsewhere_7"
    sign.touch()
    launcher, found = sweep(ends, "hydra.sweeper.best=test")
    assert (launcher.batches, found[0]) == ([["1"], ["2"], ["3"]], ("0.1", None))
    assert "trial 0 is of another process" in caplog.text
    assert proven == [], "trial 0 may still become the best"
    os.utime(sign, (0, time.time() - 3600))
    launcher, found = sweep(ends, "hydra.sweeper.best=test")
    assert (launcher.batches, found[0], found[-1]) == ([["4"]], ("0.1", "lost"), ("0.1", "complete"))
    assert not sign.exists()
    assert proven == [folder / "1"]


def test_a_run_of_another_machine_goes_on_as_long_as_it_gives_signs_of_life(sweep, monkeypatch, tmp_path):
    monkeypatch.setattr(Process, "exists", property(lambda self: False))
    monkeypatch.setattr(signs, "_PAUSE", 0.01)
    folder = RunFolder.create(tmp_path / "run")
    dataclasses.replace(Status.begin(), host="elsewhere").write(folder.status)
    os.utime(folder.status, (0, time.time() - 16 * 60))
    assert read_status(folder.status).state is State.KILLED
    with folder.recording():
        while time.time() - folder.status.stat().st_mtime > 60:
            time.sleep(0.01)
        assert read_status(folder.status).state is State.RUNNING
    assert read_status(folder.status).state is State.DONE
    assert sorted(file.name for file in folder.path.iterdir()) == ["status.json"]


def test_a_sweep_that_is_stopped_takes_no_trial_for_one_that_dies(sweep, monkeypatch):
    monkeypatch.setattr(Process, "exists", property(lambda self: False))

    def stopped(runs):
        runs[0].die()
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            sweep(stopped, rates="0.1,0.1")
    _, found = sweep(lambda runs: [run.begin().end() for run in runs], rates="0.1,0.1")
    assert [ending for _, ending in found] == ["lost", "lost", "lost", "complete"]


def test_a_retraining_whose_process_dies_is_told_in_a_sentence(sweep):
    def dies(runs):
        for run in runs:
            if run.path.name.startswith("best"):
                run.die()
                raise RuntimeError("a worker was killed")
            run.begin().end()

    launcher, _ = sweep(dies, "hydra.sweeper.best=retrain")
    assert "best_1 is killed" in launcher.error


def test_a_start_elsewhere_goes_on_after_a_stop_that_left_no_folder(sweep, tmp_path):
    def stopped(runs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(stopped, rates="0.1,0.1")
    storage = open_storage(None, tmp_path / "logs/sweeps/lost_grid")
    (trial,) = storage.get_all_trials(0)
    storage.set_trial_user_attr(trial._trial_id, "owner", {"host": "elsewhere", "pid": 7, "mark": "1"})
    _, found = sweep(lambda runs: [run.begin().end() for run in runs], rates="0.1,0.1")
    assert [ending for _, ending in found] == ["lost", "complete"]


def test_a_trial_that_another_process_begins_meanwhile_is_of_this_study(sweep, tmp_path, monkeypatch):
    def ends(runs):
        for run in runs:
            run.begin().end()

    sweep(ends)
    study = optuna.load_study(study_name="lost_grid", storage=open_storage(None, tmp_path / "logs/sweeps/lost_grid"))
    numbers = owning._numbers

    def meanwhile(folder):
        trial = study.ask()
        RunFolder.create(folder / str(trial.number))
        return numbers(folder)

    monkeypatch.setattr(owning, "_numbers", meanwhile)
    owning.check_own(study, tmp_path / "logs/sweeps/lost_grid")


def test_sigterm_between_runs_is_a_stop(sweep, monkeypatch, tmp_path):
    monkeypatch.setattr(Process, "exists", property(lambda self: False))

    def stopped(runs):
        runs[0].die()
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        sweep(stopped, rates="0.1,0.1")
    folder = tmp_path / "logs/sweeps/lost_grid"
    assert "the sweep is stopped" in (folder / "sweep.log").read_text()
    assert not list(folder.glob(".at_work_*"))
    (trial,) = open_storage(None, folder).get_all_trials(0)
    assert trial.user_attrs["stopped"]


def test_a_trial_that_is_stopped_twice_is_told_with_what_stopped_it(sweep):
    def stopped(runs):
        for run in runs:
            run.begin()
            told = {"state": State.INTERRUPTED, "message": "stopped by signal 15"}
            dataclasses.replace(Status.begin(), **told).write(run.folder.status)

    launcher, found = sweep(stopped, rates="0.1,0.1")
    assert found[-1] == ("0.1", "failed")
    assert "stopped by signal 15: by a time limit? It did so 2 times" in launcher.error
    assert "memory" not in launcher.error


def test_a_damaged_status_keeps_no_configuration_from_being_tried_again(sweep, tmp_path):
    def fails(runs):
        runs[0].begin().folder.status.write_text("{")
        for run in runs[1:]:
            run.begin().end()

    def ends(runs):
        for run in runs:
            run.begin().end()

    words = ("hydra.sweeper.seeds=2",)
    assert sweep(fails, *words, rates="0.1,0.1")[1] == [("0.1", "failed")]
    _, found = sweep(ends, *words, "hydra.sweeper.retry_failed=true", rates="0.1,0.1")
    assert found == [("0.1", "failed"), ("0.1", "complete")]


def test_runs_of_a_configuration_that_had_ended_before_a_kill_are_taken_as_they_are(sweep, monkeypatch, tmp_path):
    monkeypatch.setattr(Process, "exists", property(lambda self: False))
    kills = [1, 2]  # further seeds that end before it

    def dies(runs):
        for number, run in enumerate(runs):
            if kills and number == kills[0]:
                kills.pop(0)
                run.die()
                raise Died
            run.begin().end()

    words = ("optimizer.lr=0.01,0.01", "hydra.sweeper.seeds=5")
    for _ in range(2):
        with pytest.raises(Died):
            sweep(dies, *words)
    _, found = sweep(dies, *words, "hydra.sweeper.retry_failed=true")
    assert [launcher.batches for launcher in sweep.launchers] == [
        [["seed_0", "seed_1", "seed_2", "seed_3", "seed_4"]],
        [["seed_1", "seed_2", "seed_3", "seed_4"]],
        [["seed_3", "seed_4"]],
    ]
    assert [ending for _, ending in found] == ["lost", "failed", "complete"]
    folder = tmp_path / "logs/sweeps/lost_grid"
    kept = {each.name: sorted(run.name for run in each.iterdir()) for each in folder.iterdir() if each.is_dir()}
    assert kept["2"] == [f"seed_{seed}" for seed in range(5)]
    assert kept["1"] == ["seed_3", "seed_4"], "what was under way stays where it was"
