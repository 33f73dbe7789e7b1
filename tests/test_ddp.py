"""Two processes on the processor are the same training as one."""

import json
import os
import subprocess
import sys

import pytest
import torch

from graft.runs.folder import RunFolder


@pytest.fixture
def program(tmp_path):
    """An executable of its own, because Lightning starts the second process from the first one's command line."""
    path = tmp_path / "graft"
    path.write_text(f"#!{sys.executable}\nimport sys\nfrom graft.cli import main\nsys.exit(main())\n")
    path.chmod(0o755)
    return path


PHASES = (
    "strategy.phases=[{train: head, epochs: 1, lr_scale: 1.0, lr_decay: 1.0},"
    "{train: all, epochs: null, lr_scale: 0.5, lr_decay: 0.9}]"
)


FEW = "strategy.start.count=5"
VARIANTS = {  # by name: overrides, and how many epochs the ranks are compared after
    "two_phases": (["strategy=full_finetuning", PHASES, "penalty=l2sp"], 3),
    "lora": (["strategy=lora", "strategy.adapter.rank=2"], 2),
    "wise_ft": (["strategy=lp_ft", FEW, "average=wise_ft"], 1),
}
MORE = {
    "gradual_unfreezing": (["strategy=gradual_unfreezing", "strategy.k=4"], 3),
    "linear_probe": (["strategy=linear_probe", FEW, "augmentation=none"], 0),
    "surgical": (["strategy=surgical"], 1),
}

NORMS = [
    "backbone.model=test_efficientnet",
    "backbone.image_size=32",
    "strategy=full_finetuning",
    "trainer.max_epochs=1",
]


@pytest.mark.parametrize("variants", [VARIANTS, pytest.param(MORE, marks=pytest.mark.slow)], ids=["some", "more"])
def test_two_processes_end_with_the_weights_and_scores_of_one(
    variants, tiny_words, flowers, tmp_path, graft, read, weights
):
    """With a phase change, at which the ranks would drift apart; 43 training samples do not divide evenly either.

    One pair of processes, which torchrun starts, has all trainings behind one another: starting takes longest.
    """
    words = [word for word in tiny_words if word != "trainer=cpu"]
    words += [f"datamodule.root={flowers}", "augmentation=flips", "optimizer=sgd", "datamodule.split.test=0.2"]
    runs = {name: [*words, *own, f"trainer.max_epochs={max(1, epochs)}"] for name, (own, epochs) in variants.items()}
    two = {name: [*own, f"+callbacks.ranks={RANKS}"] for name, own in runs.items()}
    said = on_two_processes(tmp_path, {**two, "norms": [*words, *NORMS]})
    assert said.count("each of the 2 processes normalises by its own") == 1
    for name, own in runs.items():
        assert graft("train", *own, "trainer=cpu", f"hydra.run.dir={tmp_path / 'one' / name}") == 0
        one, two = tmp_path / "one" / name, tmp_path / "two" / name
        trained = weights(two)
        assert all(torch.allclose(value, trained[key], atol=1e-5) for key, value in weights(one).items()), name
        first, second = (read(run, "summary.json") for run in (one, two))
        for key in (key for key in first if key.startswith(("val/", "test/"))):
            assert second[key] == pytest.approx(first[key], abs=1e-4), (name, key)
        log, epochs = two / "ranks_agree.log", variants[name][1]
        assert (log.read_text().splitlines() if epochs else []) == ["0.0"] * epochs, name
        log.unlink(missing_ok=True)
        assert sorted(path.name for path in two.iterdir()) == sorted(path.name for path in one.iterdir())


def on_two_processes(tmp_path, runs):
    """Trains all of them, each in its folder below `two`; returns what was said."""
    (tmp_path / "ranks_agree.py").write_text(RANKS_AGREE)
    (tmp_path / "all_runs.py").write_text(ALL_RUNS)
    folder = tmp_path / "two"
    lines = [["train", *words, "trainer=ddp_sim", f"hydra.run.dir={folder / name}"] for name, words in runs.items()]
    (tmp_path / "runs.json").write_text(json.dumps(lines))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"GRAFT_ROOT": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*torchrun, "all_runs.py"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.slow
def test_a_sweep_of_distributed_jobs_is_one_sweep_and_its_pruner_stops_all_processes(
    program, tiny_words, flowers, tmp_path, read
):
    words = [word for word in tiny_words if word != "trainer=cpu"]
    words += [
        f"datamodule.root={flowers}",
        "trainer=ddp_sim",
        "trainer.max_epochs=4",
        "optimizer.lr=0.01,0.02",
        "name=two",
    ]
    words += [
        "sweep=grid",
        "launcher=joblib",
        "hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, lower: 2}",
    ]
    environment = os.environ | {"GRAFT_ROOT": str(tmp_path)}
    done = subprocess.run(
        [program, "train", *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sweep = tmp_path / "logs" / "sweeps" / "two_grid"
    jobs = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert [job.name for job in jobs] == ["0", "1"]
    assert [RunFolder.open(job).load_config().optimizer.lr for job in jobs] == [0.01, 0.02]
    assert [read(job, "summary.json")["epochs"] for job in jobs] == [1, 1], "pruned, on both processes"
    assert (sweep / "trials.csv").read_text().count("pruned after epoch 1") == 2
    assert not (tmp_path / "logs" / "runs").exists()


RANKS = "{_target_: ranks_agree.RanksAgree, folder: '${paths.run_dir}'}"

ALL_RUNS = """
import json
import sys
from pathlib import Path

from graft.cli import main

for words in json.loads(Path("runs.json").read_text()):
    sys.argv = ["graft", *words]
    if code := main():
        sys.exit(code)
"""

RANKS_AGREE = '''
from pathlib import Path

import torch
from pytorch_lightning.callbacks import Callback


class RanksAgree(Callback):
    """Notes after each epoch the largest difference of any parameter between the ranks."""

    def __init__(self, folder):
        self.path = Path(folder) / "ranks_agree.log"

    def on_train_epoch_end(self, trainer, pl_module):
        flat = torch.cat([parameter.detach().flatten() for parameter in pl_module.parameters()])
        both = pl_module.all_gather(flat)
        if trainer.is_global_zero:
            with self.path.open("a") as log:
                print(float((both[0] - both[1]).abs().max()), file=log)
'''
