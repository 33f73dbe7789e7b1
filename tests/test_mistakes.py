"""A user's mistakes: one clear sentence, an exit code, and nothing lost."""

import json
import shutil

import pytest
import torch


def test_a_folder_that_holds_a_run_is_refused_and_left_alone(tiny, graft, tiny_words, flowers, capsys):
    folder = tiny("trainer.max_epochs=1")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert graft("train", *tiny_words, f"datamodule.root={flowers}", f"hydra.run.dir={folder}") == 2
    assert "already holds a run" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("datamodule.root=nowhere", "nowhere"),
        ("datamodule.shots=1000", "1000"),
        ("backbone.model=test_vitt", "Did you mean 'test_vit"),
        ("trainer.accelerator=mps", "PyTorch finds no such device here. Take trainer=auto"),
        ("backbone.weights=nowhere.pth", "neither hub, package nor none"),
        ("strategy.phases=[{train: blok, epochs: null, lr_scale: 1.0, lr_decay: 1.0}]", "block_6, head"),
    ],
)
def test_what_is_found_before_training_is_told_without_a_traceback(tiny, read, capsys, override, message):
    folder = tiny(override, code=None)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert read(folder, "status.json")["state"] == "failed"


def test_faults_of_the_data_are_told_before_a_backbone_is_made(tiny, flowers, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("graft.fitting.build_backbone", None)
    root = tmp_path / "flowers"
    shutil.copytree(flowers, root)
    (root / "lily").mkdir()
    (root / "rose" / "99.png").write_bytes(b"")
    tiny(f"datamodule.root={root}", code=1)
    error = capsys.readouterr().err
    assert f"error: {root} has 2 faults:" in error
    assert "lily holds no images" in error
    assert "rose/99.png: the file is empty" in error


@pytest.mark.parametrize(
    ("first_seen_in", "words"),
    [
        ("training", ["optimizer.lr=1e18"]),
        ("validation", ["optimizer.lr=1e38", "datamodule.limit=8"]),
    ],  # 1 step an epoch
)
def test_a_nan_loss_keeps_the_last_good_checkpoint(tiny, read, weights, capsys, first_seen_in, words):
    """The second epoch's rates are out of all proportion; what the first left is there, and can be gone on with."""
    phases = [{"train": "all", "epochs": 1, "lr_scale": 1e-40, "lr_decay": 1.0}]
    phases += [{"train": "all", "epochs": None, "lr_scale": 1.0, "lr_decay": 1.0}]
    phases = f"strategy.phases={json.dumps(phases)}".replace('"', "")
    common = ["strategy=full_finetuning", phases, "trainer.max_epochs=5", "optimizer=sgd", "scheduler=constant"]
    common += ["callbacks.last.pause=0"]
    folder = tiny(*common, *words, code=1)
    assert f"The {first_seen_in} loss became" in capsys.readouterr().err
    assert read(folder, "status.json")["state"] == "failed"
    for name in ("last", "best"):
        kept = weights(folder, name)
        assert all(torch.isfinite(value).all() for value in kept.values() if value.is_floating_point())
