"""Runs that are stopped for real, in processes of their own, and go on to the weights of an unbroken run."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from graft.runs.checkpoints import AtomicCheckpointIO

GRAFT = [sys.executable, "-c", "import sys; from graft.cli import main; sys.exit(main())"]
RECIPE = ["strategy=full_finetuning", "augmentation=flips", "task.head.dropout=0.3", "trainer.max_epochs=10"]
RECIPE += ["callbacks.last.pause=0"]
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


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


STOP_AT = """
import signal

from pytorch_lightning.callbacks import Callback


class StopAt(Callback):
    def __init__(self, step, signum):
        self.step, self.signum = step, signum

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            signal.raise_signal(self.signum)
"""


@pytest.fixture(scope="module")
def unbroken():
    """The weights of runs that were never stopped, by name."""
    return {}


@pytest.mark.parametrize(
    ("step", "signum", "code"),
    [(0, 15, 143), (3, 2, 130), (4, 15, 143), (7, 15, 143), (9, 2, 130), (14, 15, 143)],
)
def test_a_stopped_run_goes_on_to_the_same_weights_from_any_step(
    graft, recipe, tmp_path, monkeypatch, weights, read, unbroken, step, signum, code
):
    """Five steps an epoch: first, middle and last steps of epochs, and the very last of all."""
    (tmp_path / "stop_at.py").write_text(STOP_AT)
    monkeypatch.syspath_prepend(tmp_path)
    words = [*recipe, "trainer.max_epochs=3", "datamodule.num_workers=0"]
    if not unbroken:
        assert graft("train", *words, f"hydra.run.dir={tmp_path / 'whole'}") == 0
        unbroken |= {"last": weights(tmp_path / "whole"), "best": weights(tmp_path / "whole", "best")}
        unbroken["epochs"] = epochs(tmp_path / "whole")
    folder = tmp_path / "broken"
    stop = f"+callbacks.stop={{_target_: stop_at.StopAt, step: {step}, signum: {signum}}}"
    assert graft("train", *words, stop, f"hydra.run.dir={folder}") == code
    assert read(folder, "status.json")["state"] == "interrupted"
    assert (folder / "checkpoints" / "last.ckpt").exists()
    assert graft("train", f"resume={folder}", "callbacks.stop=null") == 0
    assert read(folder, "status.json")["state"] == "done"
    assert same(weights(folder), unbroken["last"])
    assert same(weights(folder, "best"), unbroken["best"])
    assert epochs(folder) == unbroken["epochs"]
    assert no_step_twice(folder)
    assert len(read(folder, "environment.json")["sessions"]) == 2


def test_a_killed_run_goes_on_to_the_same_weights(start, recipe, graft, tmp_path, weights, read):
    """SIGKILL, which nothing can catch, at a random moment after the first checkpoint; with a loader process."""
    folder, whole = tmp_path / "broken", tmp_path / "whole"
    process = start(*recipe, f"hydra.run.dir={folder}")
    wait_for(folder / "checkpoints" / "last.ckpt", process)
    time.sleep(random.uniform(0, 1))
    process.kill()
    process.communicate()
    assert read(folder, "status.json")["state"] == "running"  # nobody was left to write anything else
    assert graft("train", f"resume={folder}") == 0
    assert graft("train", *recipe, f"hydra.run.dir={whole}") == 0
    assert same(weights(folder), weights(whole))
    assert same(weights(folder, "best"), weights(whole, "best"))
    assert no_step_twice(folder)
    for name, value in read(whole, "summary.json").items():
        if name.startswith("test/"):
            assert read(folder, "summary.json")[name] == pytest.approx(value, abs=1e-6)


@pytest.mark.slow
def test_a_text_run_that_was_killed_in_mid_epoch_goes_on_to_the_same_weights(
    start, tiny_text_words, graft, tmp_path, weights, read
):
    """SIGKILL in the second of three epochs, of six steps each; batches are of texts of like length."""
    (tmp_path / "stop_at.py").write_text(STOP_AT)
    words = [*tiny_text_words, *RECIPE, "augmentation=none", "backbone.dropout=0.1", "trainer.max_epochs=3"]
    folder, whole = tmp_path / "broken", tmp_path / "whole"
    kill = "+callbacks.stop={_target_: stop_at.StopAt, step: 9, signum: 9}"
    process = start(*words, kill, f"hydra.run.dir={folder}")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == -9, output
    assert read(folder, "status.json")["state"] == "running"
    assert torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 6
    assert graft("train", f"resume={folder}", "callbacks.stop=null") == 0
    assert graft("train", *words, f"hydra.run.dir={whole}") == 0
    for name in ("last", "best"):
        assert same(weights(folder, name), weights(whole, name))
    assert epochs(folder) == epochs(whole) == ["0", "1", "2"]
    assert no_step_twice(folder)


def no_step_twice(folder):
    """Each row of metrics.csv is of a later step than the one above it: what is trained again is not logged twice."""
    header, *rows = (line.split(",") for line in (folder / "metrics.csv").read_text().splitlines())
    steps = [int(row[header.index("step")]) for row in rows]
    return len(steps) == len(set(steps)) and steps == sorted(steps)


def test_what_was_logged_after_the_last_checkpoint_is_not_logged_twice(tiny, graft):
    """As after a kill in the second epoch: the checkpoint is that of the first."""
    folder = tiny("strategy=full_finetuning", "trainer.max_epochs=1", "callbacks.early_stopping=null")
    last = folder / "checkpoints" / "last.ckpt"
    first = last.read_bytes()
    for _ in range(2):
        last.write_bytes(first)
        assert graft("train", f"resume={folder}", "trainer.max_epochs=2") == 0
        assert no_step_twice(folder)
        assert epochs(folder) == ["0", "1"]
    summary = json.loads((folder / "summary.json").read_text())
    parts = sum(value for key, value in summary.items() if key.startswith("seconds/"))
    assert summary["seconds/before the stop"] > 0
    assert summary["seconds"] * 0.9 < parts <= summary["seconds"]  # the parts make up the whole


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
    process.communicate()
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


def test_a_moved_run_keeps_its_best_checkpoint(tiny, graft, weights, tmp_path):
    """The second part is made so bad that its first checkpoint would be a worse one in the best one's place."""
    folder = tiny("strategy=full_finetuning", "trainer.max_epochs=4", "monitor=val/loss", "mode=min")
    best = weights(folder, "best")
    moved = folder.rename(tmp_path / "elsewhere")
    assert graft("train", f"resume={moved}", "trainer.max_epochs=6", "+trainer.gradient_clip_val=0") == 0
    assert same(weights(moved, "best"), best)


def test_data_that_changed_are_refused_before_anything_is_trained_or_scored(tiny, graft, flowers, tmp_path, capsys):
    """Split anew, a test would hold what was learnt from."""
    mine = tmp_path / "mine"
    shutil.copytree(flowers, mine)
    folder = tiny("trainer.max_epochs=1", f"datamodule.root={mine}")
    shutil.copy(mine / "rose" / "01.png", mine / "rose" / "new.png")
    for words in (("evaluate", f"run={folder}"), ("train", f"resume={folder}", "trainer.max_epochs=2")):
        assert graft(*words) == 1
        assert "1 new (rose/new.png)" in capsys.readouterr().err
    (mine / "rose" / "new.png").unlink()
    assert graft("evaluate", f"run={folder}") == 0


def test_a_damaged_checkpoint_is_named_without_a_traceback(tiny, graft, capsys):
    folder = tiny("trainer.max_epochs=1")
    for name, words in (("best", ("evaluate", f"run={folder}")), ("last", ("train", f"resume={folder}"))):
        path = folder / "checkpoints" / f"{name}.ckpt"
        path.write_bytes(path.read_bytes()[:5000])
        assert graft(*words) == 1
        error = capsys.readouterr().err
        assert f"{path} is damaged" in error
        assert "Traceback" not in error


def test_a_stopped_average_of_the_weights_goes_on_as_it_was(recipe, graft, tmp_path, monkeypatch, weights):
    (tmp_path / "stop_at.py").write_text(STOP_AT)
    monkeypatch.syspath_prepend(tmp_path)
    average = "+callbacks.average={_target_: graft.strategies.averaging.MovingAverage, decay: 0.9}"
    words = [*recipe, "trainer.max_epochs=3", "datamodule.num_workers=0", average]
    assert graft("train", *words, f"hydra.run.dir={tmp_path / 'whole'}") == 0
    stop = "+callbacks.stop={_target_: stop_at.StopAt, step: 7, signum: 15}"
    assert graft("train", *words, stop, f"hydra.run.dir={tmp_path / 'broken'}") == 143
    assert graft("train", f"resume={tmp_path / 'broken'}", "callbacks.stop=null") == 0
    assert same(weights(tmp_path / "broken"), weights(tmp_path / "whole"))
    assert same(weights(tmp_path / "broken", "best"), weights(tmp_path / "whole", "best"))


@pytest.mark.parametrize(
    ("ends", "steps"),
    [
        (["trainer.max_epochs=3"], [15]),
        (["trainer.max_epochs=3", "+trainer.max_steps=10"], [10]),
        (["trainer.max_epochs=9", "callbacks.early_stopping.patience=1", "optimizer.lr=0"], [10]),
        (["trainer.max_epochs=3", "callbacks.last.pause=0"], [5, 10, 15]),
    ],
)
def test_however_a_training_ends_its_last_epoch_is_what_it_goes_on_from(tiny, monkeypatch, ends, steps):
    written = []
    save = AtomicCheckpointIO.save_checkpoint

    def noting(self, checkpoint, path, storage_options=None):
        written.extend([checkpoint["global_step"]] if Path(path).name == "last.ckpt" else [])
        save(self, checkpoint, path)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", noting)
    folder = tiny("callbacks.last.pause=1000", *ends, "test=false", "optimizer.weight_decay=0")
    assert written == steps
    told = "stopped after epoch 2, as val/auroc has not improved in 1 validation" in (folder / "train.log").read_text()
    assert told == ("trainer.max_epochs=9" in ends)


def test_a_run_does_not_go_on_with_other_pretrained_weights(tiny, graft, weights, tmp_path, capsys):
    first = tiny("trainer.max_epochs=1", name="first")
    own = {name.removeprefix("backbone.model."): value for name, value in weights(first).items() if "model." in name}
    own = {name: value.contiguous() for name, value in own.items()}
    file = tmp_path / "own.safetensors"
    save_file(own, file)
    run = tiny(f"backbone.weights={file}", "trainer.max_epochs=1", name="second")
    save_file(own | {"norm.weight": own["norm.weight"] + 1e-3}, file)
    assert graft("train", f"resume={run}", "trainer.max_epochs=2") == 1
    assert "the pretrained weights are not those that the run in" in capsys.readouterr().err
    save_file(own, file)
    assert graft("train", f"resume={run}", "trainer.max_epochs=2") == 0
