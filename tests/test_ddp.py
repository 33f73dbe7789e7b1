"""Two processes on the processor are the same training as one."""

import os
import subprocess
import sys

import pytest
import torch


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


@pytest.mark.parametrize(
    ("strategy", "epochs"),
    [
        (["strategy=full_finetuning", PHASES], 3),
        (["strategy=lp_ft"], 2),
        (["strategy=gradual_unfreezing", "strategy.k=4", "penalty=l2sp"], 3),
        (["strategy=lora", "strategy.adapter.rank=2"], 2),
        (["strategy=surgical"], 1),
        (["strategy=linear_probe", "augmentation=none"], 0),
        (["strategy=lp_ft", "average=wise_ft"], 1),
    ],
    ids=["two_phases", "lp_ft", "gradual_unfreezing", "lora", "surgical", "linear_probe", "wise_ft"],
)
def test_two_processes_end_with_the_weights_and_scores_of_one(
    program, tiny_words, flowers, tmp_path, graft, read, weights, strategy, epochs
):
    """With a phase change, at which the ranks would drift apart; 43 training samples do not divide evenly either."""
    words = [word for word in tiny_words if word != "trainer=cpu"]
    words += [
        f"datamodule.root={flowers}",
        "augmentation=flips",
        *strategy,
        "optimizer=sgd",
        "datamodule.split.test=0.2",
    ]
    words += [
        f"trainer.max_epochs={max(1, epochs)}",
        "+callbacks.ranks={_target_: ranks_agree.RanksAgree}",
    ]
    environment = os.environ | {"GRAFT_ROOT": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    (tmp_path / "ranks_agree.py").write_text(RANKS_AGREE)
    for name, trainer in (("two", "ddp_sim"), ("one", "cpu")):
        command = [program, "train", *words, f"trainer={trainer}", f"hydra.run.dir={tmp_path / name}"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.allclose(value, two[name], atol=1e-5) for name, value in one.items())
    first, second = (read(tmp_path / name, "summary.json") for name in ("one", "two"))
    for name in (name for name in first if name.startswith(("val/", "test/"))):
        assert second[name] == pytest.approx(first[name], abs=1e-4), name
    log = tmp_path / "ranks_agree.log"
    assert (log.read_text().splitlines() if epochs else []) == ["0.0"] * epochs
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == sorted(
        path.name for path in (tmp_path / "one").iterdir()
    )


@pytest.mark.parametrize(
    ("asked", "said", "code"),
    [([], "each of the 2 processes normalises by its own", 0), (["trainer.sync_batchnorm=true"], "needs GPUs", 2)],
)
def test_batch_statistics_of_each_process_are_told_of(program, tiny_words, flowers, tmp_path, asked, said, code):
    words = [word for word in tiny_words if word != "trainer=cpu"]
    words += [f"datamodule.root={flowers}", "backbone.model=test_efficientnet", "backbone.image_size=32"]
    words += ["strategy=full_finetuning", "trainer=ddp_sim", "trainer.max_epochs=1", *asked]
    environment = os.environ | {"GRAFT_ROOT": str(tmp_path)}
    done = subprocess.run(
        [program, "train", *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert " ".join((done.stdout + done.stderr).split()).count(said) == 1


def test_a_sweep_of_distributed_jobs_is_one_sweep(program, tiny_words, flowers, tmp_path, read):
    words = [word for word in tiny_words if word != "trainer=cpu"]
    words += [f"datamodule.root={flowers}", "trainer=ddp_sim", "trainer.max_epochs=1", "seed=0,1", "name=grid", "-m"]
    environment = os.environ | {"GRAFT_ROOT": str(tmp_path)}
    done = subprocess.run(
        [program, "train", *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (sweep,) = (tmp_path / "logs" / "sweeps" / "grid").iterdir()
    jobs = sorted(path for path in sweep.iterdir() if path.is_dir())
    assert [job.name for job in jobs] == ["0", "1"]
    assert [read(job, "summary.json")["seed"] for job in jobs] == [0, 1]
    assert not (tmp_path / "logs" / "runs").exists()


RANKS_AGREE = '''
from pathlib import Path

import torch
from pytorch_lightning.callbacks import Callback


class RanksAgree(Callback):
    """Notes after each epoch the largest difference of any parameter between the ranks."""

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.world_size > 1:
            flat = torch.cat([parameter.detach().flatten() for parameter in pl_module.parameters()])
            both = pl_module.all_gather(flat)
            if trainer.is_global_zero:
                with Path("ranks_agree.log").open("a") as log:
                    print(float((both[0] - both[1]).abs().max()), file=log)
'''
