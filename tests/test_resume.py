"""Runs that are stopped for real, in processes of their own, and go on to the weights of an unbroken run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

GRAFT = [sys.executable, "-c", "import sys; from graft.cli import main; sys.exit(main())"]
RECIPE = ["strategy=full_finetuning", "augmentation=flips", "task.head.dropout=0.3", "trainer.max_epochs=40"]
PATIENT = ["callbacks.early_stopping=null", "datamodule.num_workers=1"]


@pytest.fixture
def start(tiny_words, flowers, tmp_path):
    """Starts `graft train` in a process of its own."""
    environment = os.environ | {"GRAFT_ROOT": str(tmp_path), "WANDB_MODE": "offline"}

    def begin(*words):
        return subprocess.Popen(
            [*GRAFT, "train", *map(str, words)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return begin


@pytest.fixture
def recipe(tiny_words, flowers):
    return [*tiny_words, *RECIPE, *PATIENT, f"datamodule.root={flowers}"]


def wait_for(path, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.01)


def finished(process):
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_killed_run_goes_on_to_the_same_weights(start, recipe, graft, tmp_path, weights, read):
    """SIGKILL at a random moment of the training, and again after resuming; then SIGTERM and Ctrl-C."""
    folder, whole = tmp_path / "broken", tmp_path / "whole"
    chance = random.Random(0)
    process = start(*recipe, f"hydra.run.dir={folder}")
    wait_for(folder / "checkpoints" / "last.ckpt", process)
    time.sleep(chance.uniform(0, 1.5))
    process.kill()
    process.wait()
    assert read(folder, "status.json")["state"] == "running"  # nobody was left to write anything else

    for signum, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        before = (folder / "metrics.csv").read_text().count("\n")
        process = start(f"resume={folder}")
        wait_until_it_moves(folder / "metrics.csv", process)
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signum)
        returned, output = finished(process)
        assert returned == code, output
        assert read(folder, "status.json")["state"] == "interrupted"
        assert (folder / "metrics.csv").read_text().count("\n") >= before - 1

    assert graft("train", f"resume={folder}") == 0
    assert read(folder, "status.json")["state"] == "done"
    assert graft("train", *recipe, f"hydra.run.dir={whole}") == 0
    assert same(weights(folder), weights(whole))
    assert same(weights(folder, "best"), weights(whole, "best"))
    for name, value in read(whole, "summary.json").items():
        if name.startswith("test/"):
            assert read(folder, "summary.json")[name] == pytest.approx(value, abs=1e-6)
    assert epochs(folder) == epochs(whole)
    assert len(read(folder, "environment.json")["sessions"]) == 4


def wait_until_it_moves(path, process, seconds=120):
    """Waits until a resumed run writes metrics of its own."""
    changed = path.stat().st_mtime_ns
    deadline = time.monotonic() + seconds
    while path.stat().st_mtime_ns == changed:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def epochs(folder):
    """The epochs that metrics.csv has validation metrics of."""
    header, *rows = (line.split(",") for line in (folder / "metrics.csv").read_text().splitlines())
    at, value = header.index("epoch"), header.index("val/auroc")
    return [row[at] for row in rows if row[value]]


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_over(start, recipe, graft, tmp_path, weights):
    folder = tmp_path / "early"
    process = start(*recipe, "trainer.max_epochs=1", f"hydra.run.dir={folder}")
    wait_for(folder / "config.yaml", process)
    process.kill()
    process.wait()
    assert not (folder / "checkpoints").exists()
    assert graft("train", f"resume={folder}") == 0
    assert graft("train", *recipe, "trainer.max_epochs=1", f"hydra.run.dir={tmp_path / 'whole'}") == 0
    assert same(weights(folder), weights(tmp_path / "whole"))


def test_a_finished_run_is_only_scored_again(tiny, graft, weights, read):
    folder = tiny("trainer.max_epochs=2")
    before, summary = weights(folder), read(folder, "summary.json")
    assert graft("train", f"resume={folder}") == 0
    assert same(before, weights(folder))
    again = read(folder, "summary.json")
    assert again["test/auroc"] == summary["test/auroc"]
    assert again["steps"] == summary["steps"]


def test_a_resumed_run_may_go_on_longer_but_not_become_another(tiny, graft, read, capsys):
    folder = tiny("trainer.max_epochs=1")
    assert graft("train", f"resume={folder}", "trainer.max_epochs=3") == 0
    assert read(folder, "summary.json")["epochs"] == 3
    assert graft("train", f"resume={folder}", "backbone=resnet18") == 2
    assert "keeps its backbone" in capsys.readouterr().err
    assert graft("train", f"resume={Path(folder).parent / 'nowhere'}") == 2
