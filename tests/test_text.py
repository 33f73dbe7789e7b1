"""Whole runs on texts: the strategies, the resumption and the errors that hold for images."""

import json
import logging

import pyarrow.parquet as pq
import pytest
import torch

STRATEGIES = ["feature_extraction", "layerwise", "full_finetuning"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_trains_texts_and_evaluate_repeats_its_numbers(tiny_text, graft, read, strategy):
    folder = tiny_text(f"strategy={strategy}", "trainer.max_epochs=2", "optimizer.lr=0.01")
    summary = read(folder, "summary.json")
    assert [row["stage"] for row in read(folder, "stages.json")] == ["stem", "block_1", "block_2", "head"]
    assert graft("evaluate", f"run={folder}") == 0
    (written,) = (folder / "evaluations").iterdir()
    for name, value in json.loads(written.read_text()).items():
        if name.startswith("test/"):
            assert value == pytest.approx(summary[name], abs=1e-6), name


def test_a_network_that_learns_reads_the_word_that_counts(tiny_text, read):
    folder = tiny_text("strategy=full_finetuning", "trainer.max_epochs=30", "optimizer.lr=1e-2")
    assert read(folder, "summary.json")["test/accuracy"] > 0.9


def test_the_frozen_part_of_a_text_network_does_not_move(tiny_text, weights):
    words = ["optimizer.lr=0.05", "strategy=layerwise", "strategy.k=1"]
    before = weights(tiny_text(*words, "trainer.max_epochs=1", name="before"))
    after = weights(tiny_text(*words, "trainer.max_epochs=3", name="after"))
    frozen = [name for name in before if "embeddings" in name or ".layer.0." in name]
    assert len(frozen) > 20
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert any(not torch.equal(before[name], after[name]) for name in before if ".layer.1." in name)


def test_a_text_run_goes_on_to_the_same_weights(tiny_text, graft, weights):
    words = [
        "strategy=full_finetuning",
        "task.head.dropout=0.3",
        "backbone.dropout=0.1",
        "callbacks.early_stopping=null",
    ]
    whole = tiny_text(*words, "trainer.max_epochs=3", "scheduler=constant", name="whole")
    halved = tiny_text(*words, "trainer.max_epochs=1", "scheduler=constant", name="halved")
    assert graft("train", f"resume={halved}", "trainer.max_epochs=3") == 0
    expected, found = weights(whole), weights(halved)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize(
    ("task", "labels", "columns", "least"),
    [
        (
            "multilabel",
            "[urgent,odd]",
            {"target/urgent", "prediction/urgent", "probability/odd"},
            {"test/macro_f1", "test/auroc"},
        ),
        ("regression", "number", {"target/number", "prediction/number"}, {"test/rmse", "test/r2"}),
    ],
)
def test_labels_and_values(tiny_text, graft, read, reviews, tmp_path, task, labels, columns, least):
    lines = [line.split(",") for line in reviews.read_text().splitlines()[1:]]
    path = tmp_path / "more.csv"
    rows = [f"{number},{text},{int(number) % 3 == 0},{int(number) % 2}" for number, text, _ in lines]
    path.write_text("\n".join(["number,text,urgent,odd", *rows]))
    words = [f"task={task}", f"datamodule.columns.labels={labels}", f"datamodule.path={path}", "trainer.max_epochs=2"]
    folder = tiny_text(*words, "strategy=full_finetuning")
    summary = read(folder, "summary.json")
    assert least <= summary.keys()
    table = pq.read_table(folder / "predictions.parquet")
    assert columns <= set(table.column_names)
    if task == "regression":  # in the unit of the file, not standardised
        test = [row for row in table.to_pylist() if row["split"] == "test"]
        wrong = [row["prediction/number"] - row["target/number"] for row in test]
        assert (sum(each**2 for each in wrong) / len(wrong)) ** 0.5 == pytest.approx(summary["test/rmse"], rel=1e-4)
        assert summary["test/rmse"] < 40
    assert graft("predict", f"run={folder}", f"inputs={path}", f"output={tmp_path}/out.parquet") == 0
    predicted = pq.read_table(tmp_path / "out.parquet").to_pylist()
    if task == "multilabel":
        assert all(row["prediction/odd"] is (row["probability/odd"] > 0.5) for row in predicted)
    known = {row["id"]: row for row in table.to_pylist()}
    for row in predicted:
        for name, value in known.get(row["id"], {}).items():
            if name.startswith(("probability/", "prediction/")):
                assert row[name] == pytest.approx(value, rel=1e-4, abs=1e-5)


def test_texts_longer_than_the_network_takes_are_cut_and_counted(tiny_text, reviews, tmp_path, read):
    lines = reviews.read_text().splitlines()
    lines[5] = f"5,{'very ' * 60},good"
    path = tmp_path / "long.csv"
    path.write_text("\n".join(lines))
    folder = tiny_text("report=true", f"datamodule.path={path}", "trainer.max_epochs=1")
    assert "texts of more than 32 tokens: 1 of 80;" in " ".join((folder / "train.log").read_text().split())
    assert read(folder, "data.json")["lengths"] == {
        "unit": "tokens",
        "min": 9,
        "median": 11,
        "p95": 13,
        "max": 62,
        "most": 32,
        "cut": 1,
    }
    report = " ".join((folder / "report.html").read_text().split())
    assert "9 to 62 tokens, median 11, 95 % up to 13. Longer than the 32 that the network sees, and cut: 1." in report


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_a_class_that_given_splits_lack_is_told_and_the_run_goes_on(tiny_text, graft, reviews, tmp_path, read, task):
    rows = []
    for row, line in enumerate(reviews.read_text().splitlines()[1:]):
        split, odd = ("train", "train", "val", "test")[row // 2 % 4], row // 2 % 4 < 2 and row % 5 == 0
        number, text, label = line.split(",")
        rows.append(f"{number},{text},{'odd' if odd else label},{int(label == 'good')},{int(odd)},{split}")
    path = tmp_path / "given.csv"
    path.write_text("\n".join(["number,text,label,good,odd,split", *rows]))
    words = [f"task={task}", "datamodule.columns.split=split", "trainer.max_epochs=1", f"datamodule.path={path}"]
    folder = tiny_text(
        "report=true", *words, *(["datamodule.columns.labels=[good,odd]"] if task == "multilabel" else [])
    )
    for split in ("val", "test"):
        assert f" 'odd' is absent from the {split} split that the data prescribe" in (folder / "train.log").read_text()
    assert 0 <= read(folder, "summary.json")["test/macro_f1"] <= 1
    assert graft("evaluate", f"run={folder}") == 0
    assert "By class" in (folder / "report.html").read_text()


def test_augmentation_of_images_is_refused_for_texts(tiny_text, capsys):
    tiny_text("augmentation=light", code=2)
    assert "augmentation is for images, but datamodule=text_table holds texts" in capsys.readouterr().err


def test_a_network_for_other_samples_is_refused(graft, reviews, flowers, small_bert, tmp_path, capsys):
    image_network = ["backbone=timm", "backbone.model=test_vit", "backbone.weights=none"]
    text_network = ["backbone=transformers", f"backbone.model={small_bert}", "backbone.weights=none"]
    texts = ["datamodule=text_table", f"datamodule.path={reviews}"]
    images = ["datamodule=image_folder", f"datamodule.root={flowers}"]
    common = ["trainer=cpu", "logger.wandb=null", "datamodule.batch_size=8"]
    faulty = "datamodule.columns.labels=absent"  # which is told when the network fits
    assert graft("train", *common, *texts, faulty, *image_network, f"hydra.run.dir={tmp_path}/a") == 2
    assert graft("train", *common, *images, *text_network, f"hydra.run.dir={tmp_path}/b") == 2
    error = capsys.readouterr().err
    assert (
        "datamodule=text_table holds texts, but the backbone takes images: choose another, e.g. backbone=mini" in error
    )
    assert "datamodule=image_folder holds images, but the backbone takes texts" in error
    assert "absent" not in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("datamodule.columns.labels=lable", "no column 'lable'. Did you mean 'label'"),
        ("datamodule.columns.sample=txt", "no column 'txt'. Did you mean 'text'"),
        ("datamodule.shots=1000", "shots=1000"),
        ("datamodule.path=nowhere.csv", "nowhere.csv does not exist"),
        ("backbone.max_length=64", "the network takes 3 to 32 tokens"),
        ("datamodule.split.fold=6 of 5", "fold=6 of 5"),
        ("datamodule.split.fold=0", "fold=0: say it like '2 of 5'"),
        ("task=multilabel", "neither 0 nor 1"),
        ("task=multilabel task/loss=focal", "only task=classification has it"),
        ("task=multilabel task.class_weights=balanced", "only task=classification has it"),
    ],
)
def test_mistakes_with_texts_are_told_without_a_traceback(tiny_text, capsys, override, message):
    words = [override] if "fold" in override else override.split()
    tiny_text(*words, code=None)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_run_is_not_judged_on_texts_that_have_changed(tiny_text, graft, reviews, tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text(reviews.read_text())
    folder = tiny_text(f"datamodule.path={path}", "trainer.max_epochs=1")
    assert graft("evaluate", f"run={folder}") == 0
    path.write_text(path.read_text().replace("film 7 ", "play 7 "))
    assert graft("evaluate", f"run={folder}") == 1
    assert "1 with another content (8)" in capsys.readouterr().err


def test_every_sample_is_tested_once_over_all_folds(tiny_text):
    tested = []
    for number in (1, 2, 3):
        folder = tiny_text(f"datamodule.split.fold='{number} of 3'", "trainer.max_epochs=1", name=f"fold{number}")
        rows = pq.read_table(folder / "splits.parquet").to_pylist()
        tested += [row["id"] for row in rows if row["split"] == "test"]
    assert sorted(tested, key=int) == [str(number) for number in range(1, 81)]


def test_tokens_are_cut_once_and_again_when_a_text_changes(small_bert, tmp_path, monkeypatch, caplog):
    from transformers import AutoTokenizer

    from graft.backbones.tokens import Tokenization

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    texts = ["the film", "very very very very very very very bad"]
    tokenization = Tokenization(AutoTokenizer.from_pretrained(small_bert), max_length=5)
    with caplog.at_level(logging.WARNING):
        ids = tokenization.prepare(texts.__getitem__, 2)
    assert [ids(row).tolist() for row in (0, 1)] == [tokenization(text).tolist() for text in texts]
    assert ids.lengths.tolist() == [4, 10]  # before they were cut
    assert "texts of more than 5 tokens: 1 of 2;" in caplog.text
    monkeypatch.setattr(Tokenization, "_write", None)
    assert tokenization.prepare(texts.__getitem__, 2)(1).tolist() == ids(1).tolist()
    with pytest.raises(TypeError):
        tokenization.prepare(["the film", "the film"].__getitem__, 2)


@pytest.fixture
def tokenization(small_bert, tmp_path, monkeypatch):
    """Of at most 5 tokens, with an empty cache folder."""
    from transformers import AutoTokenizer

    from graft.backbones.tokens import Tokenization

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Tokenization(AutoTokenizer.from_pretrained(small_bert), max_length=5)


SAID = ["the film", "very very very very very very very bad"]


@pytest.mark.parametrize("name", ["ids.bin", "ends.npy", "lengths.npy"])
@pytest.mark.parametrize("kept", [slice(0, -1), slice(0, 4)])
def test_tokens_that_were_edited_or_cut_short_are_told_and_made_again(tokenization, caplog, name, kept):
    path = tokenization.prepare(SAID.__getitem__, 2).folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[kept].ljust(len(whole), b"!") if kept == slice(0, -1) else whole[kept])
    with caplog.at_level(logging.WARNING):
        ids = tokenization.prepare(SAID.__getitem__, 2)
    assert f"{path.parent} is damaged (the checksum of {name} is wrong); what it held is made again." in caplog.text
    assert [ids(row).tolist() for row in (0, 1)] == [tokenization(text).tolist() for text in SAID]
    assert path.read_bytes() == whole


def test_tokens_that_cannot_be_kept_serve_this_run(tokenization, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file")
    with caplog.at_level(logging.WARNING):
        ids = tokenization.prepare(SAID.__getitem__, 2)
    assert [ids(row).tolist() for row in (0, 1)] == [tokenization(text).tolist() for text in SAID]
    assert f"The tokens cannot be kept in {tmp_path}/cache/graft/tokens (" in caplog.text


def test_another_version_of_the_tokenizers_cuts_anew(tokenization, monkeypatch):
    before = tokenization.prepare(SAID.__getitem__, 2).folder
    monkeypatch.setattr("graft.backbones.tokens.version", lambda library: "0")
    assert tokenization.prepare(SAID.__getitem__, 2).folder != before
