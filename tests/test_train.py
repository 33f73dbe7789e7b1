"""Whole runs through the command line, in this process."""

import csv
import re

import pyarrow.parquet as pq
import pytest
import torch

SUMMARY = ["test/accuracy", "test/macro_f1", "test/auroc", "val/auroc", "seconds", "parameters/total"]


def metrics(folder):
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


def test_a_run_leaves_everything_in_one_folder(tiny, read, weights, capsys):
    folder = tiny("trainer.max_epochs=2", "task.head.dropout=0.1")
    assert f"\nrun folder: {folder}\n" in capsys.readouterr().out  # whole, however long
    summary = read(folder, "summary.json")
    assert not [key for key in SUMMARY if key not in summary]
    assert summary["parameters/trainable"] == 2 * 65
    assert read(folder, "status.json")["state"] == "done"
    assert read(folder, "environment.json")["sessions"][0]["packages"]["torch"]
    assert weights(folder, "best").keys() == weights(folder, "last").keys()
    rows = metrics(folder)
    assert {"epoch", "step", "train/loss", "val/loss", "val/auroc", "test/auroc"} <= rows[0].keys()
    predictions = pq.read_table(folder / "predictions.parquet").to_pylist()
    test = [row for row in predictions if row["split"] == "test"]
    assert len(test) == 16
    right = sum(row["target"] == row["prediction"] for row in test)
    assert right / 16 == pytest.approx(summary["test/accuracy"])
    for row in predictions:
        assert row["id"].startswith(row["target"])  # the folder is the class
        assert row["probability/rose"] + row["probability/tulip"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "overrides",
    [
        ["strategy=feature_extraction"],
        ["strategy=feature_extraction", "augmentation=flips"],
        ["strategy=layerwise", "strategy.k=1", "backbone.model=test_efficientnet"],
        ["strategy=full_finetuning", "augmentation=flips", "task.head.hidden=[8]", "datamodule.num_workers=1"],
    ],
    ids=lambda overrides: overrides[0] + ("+augmentation" if len(overrides) == 2 else ""),
)
def test_evaluate_repeats_the_numbers_of_the_training(tiny, graft, read, overrides):
    folder = tiny("trainer.max_epochs=2", "optimizer.lr=0.01", *overrides)
    summary = read(folder, "summary.json")
    for split in ("val", "test"):
        assert graft("evaluate", f"run={folder}", f"split={split}") == 0
        newest = max((folder / "evaluations").iterdir())
        scores = read(folder, f"evaluations/{newest.name}")
        names = [key for key in summary if key.startswith(f"{split}/")]
        assert len(names) == 7
        for name in names:
            assert scores[name] == pytest.approx(summary[name], abs=1e-6), name
    assert len(list((folder / "evaluations").iterdir())) == 2


def test_full_finetuning_learns_the_task_and_the_best_checkpoint_is_scored(tiny, read):
    loss = ["monitor=val/loss", "mode=min"]  # AUROC is perfect here from the first epoch on, and says nothing more
    folder = tiny(
        "strategy=full_finetuning", "trainer.max_epochs=12", "backbone.model=test_resnet", "optimizer.lr=3e-3", *loss
    )
    summary = read(folder, "summary.json")
    assert summary["test/accuracy"] > 0.9
    column = [float(row["val/loss"]) for row in metrics(folder) if row["val/loss"]]
    assert summary["val/loss"] == pytest.approx(min(column), abs=1e-6)
    assert column[0] > 2 * min(column)


def test_a_frozen_backbone_is_bitwise_the_same_afterwards(tiny, weights):
    """With batch norm in it: neither weights nor running statistics move, whether features are computed once or not."""
    states = []
    for number, augmentation in enumerate(("none", "flips")):
        folder = tiny("backbone.model=test_resnet", f"augmentation={augmentation}", name=f"frozen_{number}")
        states.append(weights(folder))
    backbone = [name for name in states[0] if name.startswith("backbone.")]
    assert any("running_mean" in name for name in backbone)
    assert all(torch.equal(states[0][name], states[1][name]) for name in backbone)
    assert not torch.equal(states[0]["head.1.weight"], states[1]["head.1.weight"])


def test_the_same_seed_repeats_a_run_exactly_and_another_does_not(tiny, weights):
    recipe = ["strategy=full_finetuning", "augmentation=flips", "task.head.dropout=0.3", "trainer.max_epochs=2"]
    first, again, other = (
        weights(tiny(*recipe, f"seed={seed}", f"datamodule.num_workers={workers}", name=name))
        for seed, workers, name in ((0, 0, "first"), (0, 1, "again"), (1, 0, "other"))
    )
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["head.1.weight"], other["head.1.weight"])


def test_a_run_folder_gives_its_backbone_to_another_run(tiny, weights):
    source = tiny("strategy=full_finetuning", "trainer.max_epochs=1", name="source")
    target = tiny(f"backbone.weights={source}", "trainer.max_epochs=1", name="target")
    before, after = weights(source, "best"), weights(target)
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith("backbone."))


def test_moving_averages_of_the_weights_are_what_is_kept(tiny, weights):
    average = "+callbacks.ema={_target_: pytorch_lightning.callbacks.EMAWeightAveraging, decay: 0.9}"
    recipe = ["strategy=full_finetuning", "trainer.max_epochs=2"]
    plain = weights(tiny(*recipe, name="plain"))
    folder = tiny(*recipe, average, name="averaged")
    assert not torch.equal(weights(folder)["head.1.weight"], plain["head.1.weight"])
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert torch.equal(checkpoint["current_model_state"]["head.1.weight"], plain["head.1.weight"])


def test_a_multirun_makes_one_finished_run_a_job(graft, flowers, tiny_words, tmp_path, read):
    words = [word for word in tiny_words if not word.startswith("logger")]
    assert (
        graft(
            "train",
            *words,
            f"datamodule.root={flowers}",
            "trainer.max_epochs=1",
            "name=grid",
            "optimizer.lr=1e-2,1e-3",
            "-m",
        )
        == 0
    )
    folders = sorted((tmp_path / "logs" / "sweeps" / "grid").glob("*/[01]"))
    assert len(folders) == 2
    assert [read(folder, "status.json")["state"] for folder in folders] == ["done", "done"]
    assert all(len(list(folder.glob("wandb/offline-run-*/run-*.wandb"))) == 1 for folder in folders)


def test_without_the_progress_callback_there_is_no_bar(tiny, capsys):
    """Lightning brings one of its own when nobody says no."""
    tiny("trainer.max_epochs=1")
    assert not re.search(r"Epoch \d", capsys.readouterr().out)


def test_no_file_of_a_sweep_holds_a_secret(graft, flowers, tiny_words, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_TOKEN", "tok-1234567890")
    words = [word for word in tiny_words if not word.startswith("logger")]
    words += [f"datamodule.root={flowers}", "trainer.max_epochs=1", "logger=[wandb,tensorboard]"]
    assert graft("train", *words, "strategy.name=tok-1234567890", "name=grid", "seed=0,1", "-m") == 0
    files = [path for path in (tmp_path / "logs").rglob("*") if path.is_file()]
    assert any(path.name == "multirun.yaml" for path in files)
    assert not [path for path in files if b"tok-1234567890" in path.read_bytes()]


@pytest.mark.parametrize("words", [["debug=fast"], ["debug=overfit"], ["debug=overfit", "scheduler=plateau"]])
def test_debugging_runs_to_its_end(tiny, read, words):
    folder = tiny(*words, "trainer.max_epochs=10")
    assert read(folder, "status.json")["state"] == "done"


def test_a_variable_with_key_in_the_midst_of_its_name_spoils_no_config(tiny, graft, flowers, monkeypatch):
    monkeypatch.setenv("PRIMARY_KEY_COLUMN", flowers.name)
    folder = tiny("trainer.max_epochs=1")
    assert graft("evaluate", f"run={folder}") == 0
