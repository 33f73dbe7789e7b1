"""The experiments on their real weights and real images, cut short."""

import pytest

SHORT = ["datamodule.num_workers=0", "logger.wandb=null", "callbacks.progress=null", "trainer=cpu"]


def test_elpv_feature_extraction(graft, tmp_path, read):
    """Frozen ImageNet features of a few hundred cells beat the majority class clearly."""
    words = ["experiment=elpv_feature_extraction", "datamodule.limit=100", "trainer.max_epochs=10", "bootstrap=40"]
    words += [f"hydra.run.dir={tmp_path}/run", *SHORT]
    assert graft("train", *words) == 0
    summary = read(tmp_path / "run", "summary.json")
    assert summary["test/auroc"] > 0.75  # 0.5 is chance
    assert summary["parameters/trainable"] == 2 * 1280 + 2
    assert graft("evaluate", f"run={tmp_path}/run") == 0
    scores = read(tmp_path / "run", f"evaluations/{next((tmp_path / 'run' / 'evaluations').iterdir()).name}")
    for name in (name for name in summary if name.startswith("test/")):
        assert scores[name] == pytest.approx(summary[name], abs=1e-6)


@pytest.mark.slow
def test_elpv_finetuning(graft, tmp_path, read):
    """The whole recipe runs, resumes with more epochs, and is scored again from its folder."""
    folder = tmp_path / "run"
    words = ["datamodule.limit=24", "backbone.image_size=64", "trainer.max_epochs=1", f"hydra.run.dir={folder}"]
    assert graft("train", "experiment=elpv_finetuning", *words, *SHORT) == 0
    assert read(folder, "summary.json")["epochs"] == 1
    assert graft("train", f"resume={folder}", "trainer.max_epochs=2") == 0
    summary = read(folder, "summary.json")
    assert summary["epochs"] == 2
    assert summary["parameters/trainable"] == summary["parameters/total"]
    assert graft("evaluate", f"run={folder}") == 0
    scores = read(folder, f"evaluations/{next((folder / 'evaluations').iterdir()).name}")
    assert scores["test/auroc"] == pytest.approx(summary["test/auroc"], abs=1e-6)


def test_sentiment(graft, tmp_path, read):
    """Frozen MiniLM embeddings of some hundred sentences tell praise from blame far above chance."""
    folder = tmp_path / "run"
    words = [
        "experiment=sentiment",
        "datamodule.limit=300",
        "trainer.max_epochs=10",
        "bootstrap=40",
        f"hydra.run.dir={folder}",
        *SHORT,
    ]
    assert graft("train", *words) == 0
    summary = read(folder, "summary.json")
    assert summary["test/auroc"] > 0.8  # 0.5 is chance
    assert summary["parameters/trainable"] == 2 * 384 + 2
    assert graft("evaluate", f"run={folder}") == 0
    scores = read(folder, f"evaluations/{next((folder / 'evaluations').iterdir()).name}")
    for name in (name for name in summary if name.startswith("test/")):
        assert scores[name] == pytest.approx(summary[name], abs=1e-6)


@pytest.mark.slow
def test_sentiment_finetuning(graft, tmp_path, read):
    """All of MiniLM learns from some hundred sentences, and is scored again from its folder."""
    folder = tmp_path / "run"
    words = ["experiment=sentiment_finetuning", "datamodule.limit=96", "bootstrap=0", f"hydra.run.dir={folder}", *SHORT]
    assert graft("train", *words, "trainer.max_epochs=2") == 0
    summary = read(folder, "summary.json")
    assert summary["parameters/trainable"] == summary["parameters/total"]
    assert summary["test/auroc"] > 0.6  # 0.5 is chance
    assert graft("evaluate", f"run={folder}") == 0
    scores = read(folder, f"evaluations/{next((folder / 'evaluations').iterdir()).name}")
    assert scores["test/auroc"] == pytest.approx(summary["test/auroc"], abs=1e-6)
