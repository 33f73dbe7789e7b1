"""Two processes that share the weights out are the same training as one that has them all."""

import csv
import json
import os
import subprocess
import sys

import pytest
import torch

RUN_ALL = """
import json
import sys

from graft.cli import main

for words in json.loads(sys.argv[1]):
    sys.argv = ["graft", "train", *words]
    assert main() == 0, words
"""
SHARED = ["trainer=fsdp", "trainer.accelerator=cpu", "trainer.devices=2"]
ACCUMULATED, AT_ONCE = (
    [f"datamodule.batch_size={size}", f"trainer.accumulate_grad_batches={times}", "datamodule.split.val=0.25"]
    for size, times in ((8, 2), (16, 1))
)
FEW = "strategy.start.count=5"
CASES = {  # what each trains with; of two processes; of one
    "gradual_unfreezing": (
        ["strategy=gradual_unfreezing", "strategy.k=4", "penalty=l2sp", "trainer.max_epochs=3"], SHARED, [],
    ),
    "lp_ft": (["strategy=lp_ft", FEW, "average=wise_ft", "trainer.gradient_clip_val=0.1"], SHARED, []),
    "lora": (["strategy=lora", "strategy.adapter.rank=2"], SHARED, []),
    "accumulated": (["strategy=full_finetuning", "average=ema"], [*SHARED, *ACCUMULATED], AT_ONCE),
    "accumulated_ddp": (["strategy=full_finetuning"], ["trainer=ddp_sim", *ACCUMULATED], AT_ONCE),
    "resumed": (
        ["strategy=full_finetuning", "scheduler=constant", "trainer.gradient_clip_val=1.0"],
        [*SHARED, "trainer.max_epochs=1"], ["trainer.max_epochs=2"],
    ),
}  # fmt: skip
COMMON = ["augmentation=flips", "optimizer=sgd", "optimizer.lr=0.05", "datamodule.split.test=0.2"]
COMMON += ["bootstrap=0", "trainer.max_epochs=2"]
NORMS = ["backbone.model=test_efficientnet", "strategy=full_finetuning"]
AGAIN = {"resumed": ["trainer.max_epochs=2"]}


@pytest.fixture
def in_two(tmp_path):
    """Has two processes, which torchrun starts, train one thing after the other."""
    script = tmp_path / "run_all.py"
    script.write_text(RUN_ALL)

    def run(lines):
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", script]
        environment = os.environ | {"GRAFT_ROOT": str(tmp_path), "WANDB_MODE": "offline"}
        done = subprocess.run(
            [*launch, json.dumps(lines)], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


@pytest.mark.parametrize(
    "cases",
    [
        ("gradual_unfreezing", "resumed"),
        pytest.param(("lora", "lp_ft", "accumulated", "accumulated_ddp"), marks=pytest.mark.slow),
    ],
)
def test_two_processes_that_share_the_weights_out_end_as_one(
    in_two, tiny, tiny_words, flowers, tmp_path, graft, read, weights, cases
):
    """43 training samples do not divide evenly; frozen stages begin to learn in mid-training."""
    words = [word for word in tiny_words if not word.startswith("trainer=")]
    lines = []
    for name in cases:
        given, two, _ = CASES[name]
        folder = f"hydra.run.dir={tmp_path / name}_two"
        lines.append([*words, f"datamodule.root={flowers}", folder, *COMMON, *given, *two])
        if name in AGAIN:
            lines.append([f"resume={tmp_path / name}_two", *AGAIN[name]])
    if "lora" in cases:
        norms = [f"datamodule.root={flowers}", f"hydra.run.dir={tmp_path}/norms"]
        lines.append([*words, *norms, *COMMON, *NORMS, *SHARED])
    in_two(lines)
    for name in cases:
        given, _, one = CASES[name]
        alone = tiny(*COMMON, *given, *one, name=f"{name}_one")
        same(alone, tmp_path / f"{name}_two", read, weights, name)
    if "lora" in cases:
        holds_what_learns_and_is_scored_again(tmp_path / "lora_two", graft, read, weights)
        was_validated_by_what_is_scored(tmp_path / "norms", read)


def holds_what_learns_and_is_scored_again(lora, graft, read, weights):
    optimizer = torch.load(lora / "checkpoints" / "last.ckpt", weights_only=True)["optimizer_states"][0]
    learn = [name for name in weights(lora) if ".lora_" in name or name.startswith("head.")]
    assert len(optimizer["state"]) == len(learn) > 2  # nothing of what is frozen
    assert (lora / "adapter" / "backbone.safetensors").is_file()
    before = read(lora, "summary.json")
    assert graft("evaluate", f"run={lora}", "split=test") == 0
    (file,) = (lora / "evaluations").iterdir()
    assert json.loads(file.read_text())["test/loss"] == pytest.approx(before["test/loss"], abs=1e-5)


def was_validated_by_what_is_scored(norms, read):
    """The best checkpoint has one process's running statistics; while it was trained all validated by them too."""
    with (norms / "metrics.csv").open() as file:
        validated = [float(row["val/loss"]) for row in csv.DictReader(file) if row["val/loss"]]
    scored = read(norms, "summary.json")["val/loss"]
    assert min(abs(loss - scored) for loss in validated) < 1e-6


def same(one, two, read, weights, name):
    """The same weights, scores and sizes."""
    alone, together = weights(one), weights(two)
    assert alone.keys() == together.keys(), name
    for key, value in alone.items():
        assert torch.allclose(value, together[key], atol=1e-5), (name, key)
    first, second = (read(folder, "summary.json") for folder in (one, two))
    for key, value in first.items():
        if key.startswith(("val/", "test/", "parameters/", "steps")):
            assert second[key] == pytest.approx(value, abs=1e-4), (name, key)
