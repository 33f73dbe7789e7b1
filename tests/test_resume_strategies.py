"""SIGKILL at steps inside every kind of phase: a resumed run ends as an unbroken one, whatever the strategy."""

import csv
import os
import signal
import warnings

import pytest
import torch

# 47 training samples, five steps an epoch.
PHASES = (
    "strategy.phases=[{train: head, epochs: 1, lr_scale: 1.0, lr_decay: 1.0},"
    "{train: all, epochs: null, lr_scale: 0.3, lr_decay: 0.8}]"
)
FEW = "strategy.start.count=5"
CASES = {
    "gradual_unfreezing": (["strategy=gradual_unfreezing", "strategy.k=4", "trainer.max_epochs=4"], [5, 12]),
    "falling_rates": (["strategy=full_finetuning", PHASES, "trainer.max_epochs=3"], [7, 12]),
    "surgical": (["strategy=surgical", "strategy.stage=block_2", "scheduler=one_cycle"], [8]),
    "lora": (["strategy=lora", "strategy.adapter.dropout=0.2"], [6]),
    "bitfit_l2sp": (["strategy=bitfit", "penalty=l2sp", "scheduler=step"], [9]),
    "discriminative_ema": (["strategy=discriminative", "average=ema", "scheduler=linear"], [7]),
    "plateau": (
        ["strategy=full_finetuning", "scheduler=plateau", "scheduler.patience=0",
         "monitor=val/loss", "mode=min", "trainer.max_epochs=4"], [8],
    ),
    "lp_ft_wise": (["strategy=lp_ft", FEW, "average=wise_ft", "callbacks.wise_ft.alphas=[0.5]"], [1, 8]),
}  # fmt: skip
COMMON = [
    "augmentation=flips",
    "trainer.max_epochs=2",
    "optimizer.lr=0.01",
    "callbacks.early_stopping=null",
    "callbacks.last.pause=0",
    "bootstrap=0",
]
KILL_AT = """
import os
import signal

from pytorch_lightning.callbacks import Callback


class KillAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(graft):
    """Runs the command line in a process of its own, which is to die of SIGKILL."""

    def run(*words):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork beside threads; these are idle
            pid = os.fork()
        if pid == 0:
            try:
                graft("train", *words)
            finally:
                os._exit(1)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGKILL

    return run


def curve(folder):
    """The learning rates and validation metrics by step."""
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    kept = [name for name in rows[0] if name.startswith(("lr-", "val/"))]
    return [(row["step"], [row[name] for name in kept]) for row in rows if any(row[name] for name in kept)]


MORE = ("falling_rates", "surgical", "plateau")  # of what the others have parts of, too


@pytest.mark.parametrize("case", [pytest.param(case, marks=pytest.mark.slow if case in MORE else ()) for case in CASES])
def test_killed_in_any_phase_it_goes_on_to_the_same_weights_and_rates(
    graft, killed, tiny_words, flowers, tmp_path, monkeypatch, weights, read, case
):
    (tmp_path / "kill_at.py").write_text(KILL_AT)
    monkeypatch.syspath_prepend(tmp_path)
    own, steps = CASES[case]
    words = [*tiny_words, *COMMON, *own, f"datamodule.root={flowers}"]
    whole = tmp_path / "whole"
    assert graft("train", *words, f"hydra.run.dir={whole}") == 0
    for step in steps:
        folder = tmp_path / f"killed_{step}"
        killed(*words, f"+callbacks.kill={{_target_: kill_at.KillAt, step: {step}}}", f"hydra.run.dir={folder}")
        assert read(folder, "status.json")["state"] == "running"
        assert graft("train", f"resume={folder}", "callbacks.kill=null") == 0
        for name in ("last", "best"):
            one, other = weights(whole, name), weights(folder, name)
            assert one.keys() == other.keys()
            assert all(torch.equal(value, other[key]) for key, value in one.items()), (step, name)
        assert curve(folder) == curve(whole), step
        summary = read(folder, "summary.json")
        for key, value in read(whole, "summary.json").items():
            if key.startswith(("val/", "test/")):
                assert summary[key] == value, (step, key)
