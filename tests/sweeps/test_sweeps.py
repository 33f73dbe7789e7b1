"""Sweeps by the command line: real trainings of a tiny network, in this process."""

import csv
import io
import json
import math
import shutil
import subprocess
from pathlib import Path

import optuna
import pytest
import yaml

from graft.config.locate import configs_dir
from graft.data import DataModule
from graft.errors import ConfigError


@pytest.fixture
def sweep(graft, tiny_words, flowers, tmp_path):
    """Runs a sweep of the tiny task; returns its folder. `code`: the exit code."""

    def run(search, *words, name="tiny", code=0):
        own = [*tiny_words, f"datamodule.root={flowers}", "trainer.max_epochs=2", f"name={name}"]
        assert graft("train", f"sweep={search}", *own, *words) == code
        return tmp_path / "logs" / "sweeps" / f"{name}_{search}"

    return run


@pytest.fixture
def at_once(monkeypatch):
    """Lets runs come to something without a training: a metric that is best at a rate of 0.01."""

    def come_to_something(run, cfg, *_):
        if cfg.trainer.accelerator == "cuda":
            raise ConfigError("trainer.accelerator=cuda: PyTorch finds no such device here.")
        score = 1 - abs(math.log10(cfg.optimizer.lr) + 2) / 10 - cfg.seed / 1000
        cost = 100 if cfg.strategy.name == "feature_extraction" else 200
        run.save_summary({"val/auroc": score, "val/accuracy": None, "seed": cfg.seed, "parameters/trainable": cost})

    monkeypatch.setattr("graft.fitting.fit_and_score", come_to_something)


@pytest.fixture
def trials():
    """Reads what came of the trials of a sweep."""
    return lambda folder: list(csv.DictReader(io.StringIO((folder / "trials.csv").read_text())))


GRID = ("optimizer.lr=1e-3,1e-2", "task.head.dropout=0,0.3")


def refuse_the_test_split(monkeypatch):
    """Whoever asks for its samples, in whatever form, fails."""
    dataset, loader_of = DataModule.dataset, DataModule.loader_of

    def no_dataset(self, split, *rest, **named):
        assert split != "test", "the test split"
        return dataset(self, split, *rest, **named)

    def no_loader(self, rows, *rest):
        assert not set(rows.tolist()) & set(self.splits["test"].tolist()), "the test split"
        return loader_of(self, rows, *rest)

    monkeypatch.setattr(DataModule, "dataset", no_dataset)
    monkeypatch.setattr(DataModule, "loader_of", no_loader)


def test_a_grid_is_every_combination_once_and_the_same_command_does_nothing_more(
    sweep, trials, read, capsys, monkeypatch
):
    refuse_the_test_split(monkeypatch)
    folder = sweep("grid", *GRID)
    rows = trials(folder)
    settings = {(row["optimizer.lr"], row["task.head.dropout"]) for row in rows}
    assert settings == {("0.001", "0"), ("0.001", "0.3"), ("0.01", "0"), ("0.01", "0.3")}
    for row in rows:
        summary = read(folder / row["trial"], "summary.json")
        assert float(row["val/auroc"]) == summary["val/auroc"]
        assert not any(key.startswith("test/") for key in summary)
    best = max(rows, key=lambda row: float(row["val/auroc"]))
    assert read(folder, "best.json")[0]["values"] == {"val/auroc": float(best["val/auroc"])}
    assert f"graft evaluate run={folder}" in capsys.readouterr().out
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    sweep("grid", *GRID)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*")} == written
    assert trials(folder) == rows


def test_a_search_that_goes_on_proposes_what_an_unbroken_one_would_have(sweep, trials, at_once):
    early = ("hydra.sweeper.sampler.n_startup_trials=2", "task.head.dropout=0")
    whole = trials(sweep("tpe", "hydra.sweeper.n_trials=4", *early, name="whole"))
    for total in (1, 3, 4):
        folder = sweep("tpe", f"hydra.sweeper.n_trials={total}", *early, name="parts")
    plain = [{key: value for key, value in row.items() if key != "seconds"} for row in trials(folder)]
    assert plain == [{key: value for key, value in row.items() if key != "seconds"} for row in whole]
    assert len({row["optimizer.lr"] for row in whole}) == 4


def test_a_trial_that_the_pruner_gives_up_ends_at_that_epoch_and_is_no_failure(sweep, trials, read):
    prunes_all = "hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, lower: 2.0, n_warmup_steps: 1}"
    folder = sweep("random", "hydra.sweeper.n_trials=2", prunes_all, "trainer.max_epochs=5")
    assert [row["ending"] for row in trials(folder)] == ["pruned", "pruned"]
    for number in "01":
        summary = read(folder / number, "summary.json")
        assert (summary["pruned_at"], summary["epochs"]) == (1, 2)
        assert read(folder / number, "status.json")["state"] == "done"
    assert read(folder, "best.json") == []


def test_a_pruner_compares_trials_and_lets_the_better_ones_end(sweep, trials):
    """A rate of 30 leaps away, and is let go on while there is too little to compare it with."""
    halves = "hydra.sweeper.pruner={_target_: optuna.pruners.MedianPruner, n_startup_trials: 3}"
    folder = sweep("grid", "task.head.dropout=0,1e-6", "optimizer.lr=1e-3,30", halves, "monitor=val/loss", "mode=min")
    ends = {(row["optimizer.lr"], row["task.head.dropout"]): row["ending"] for row in trials(folder)}
    assert ends["0.001", "0"] == ends["30", "0"] == ends["0.001", "1e-06"] == "complete"
    assert ends["30", "1e-06"] == "pruned"


def test_a_pruner_goes_by_the_metric_of_the_study(sweep, trials):
    """The loss, which is below 2, and not the area under the curve, which chooses the checkpoint."""
    only_losses_above = "hydra.sweeper.pruner={_target_: optuna.pruners.ThresholdPruner, upper: 1e-9}"
    by_loss = ("hydra.sweeper.metric=val/loss", "hydra.sweeper.mode=min", only_losses_above)
    folder = sweep("random", "hydra.sweeper.n_trials=1", *by_loss)
    values = [
        json.loads(line).get("intermediate_value") for line in (folder / "study.journal").read_text().splitlines()
    ]
    with (folder / "0" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    (loss,) = [float(row["val/loss"]) for row in rows if row["val/loss"]]
    assert [value for value in values if value is not None] == [pytest.approx(loss, rel=1e-4)]


def test_a_trial_that_fails_is_written_down_and_the_others_run(sweep, trials, at_once, capsys):
    words = ("trainer.accelerator=cuda,cpu", "optimizer.lr=1e-3,1e-2")
    folder = sweep("grid", *words, code=1)
    assert [row["ending"] for row in trials(folder)] == ["failed", "failed", "complete", "complete"]
    assert "PyTorch finds no such device here" in trials(folder)[0]["message"]
    assert "2 of the sweep's trials failed" in capsys.readouterr().err
    sweep("grid", *words, code=1)
    assert len(trials(folder)) == 4, "a failure is not repeated unasked"
    sweep("grid", *words, "hydra.sweeper.retry_failed=true", code=1)
    assert [row["ending"] for row in trials(folder)].count("failed") == 4
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == list("012345")
    for _ in range(2):
        given_up = trials(sweep("grid", *words, "hydra.sweeper.max_failures=1", name="given_up", code=1))
        assert [row["ending"] for row in given_up] == ["failed", "waiting", "waiting", "waiting"]


def test_values_that_do_not_go_together_are_told_as_such(sweep, trials, read, at_once):
    best = ("hydra.sweeper.metric=val/auroc", "hydra.sweeper.mode=max")
    folder = sweep("grid", "mode=min,max", "monitor=val/auroc,val/loss", *best, code=1)
    failed = [row["message"] for row in trials(folder) if row["ending"] == "failed"]
    assert failed == [
        "mode: max would choose the checkpoint with the largest loss; with monitor=val/loss say mode=min."
    ]
    (failure,) = [row["trial"] for row in trials(folder) if row["ending"] == "failed"]
    assert read(folder / failure, "status.json")["state"] == "failed", "although no run of it has begun"


def test_a_trial_without_a_number_fails(sweep, trials, at_once):
    folder = sweep("grid", "optimizer.lr=1e-3,1e-2", "hydra.sweeper.metric=val/accuracy", code=1)
    assert {row["message"].partition(" in ")[0] for row in trials(folder)} == {"val/accuracy is no number"}


def test_what_no_run_tells_stops_a_sweep_after_its_first_trial(sweep, trials, at_once, capsys):
    folder = sweep(
        "grid", "optimizer.lr=1e-3,1e-2", "hydra.sweeper.metric=parameters/trainabel", "hydra.sweeper.mode=min", code=2
    )
    assert "Did you mean 'parameters/trainable'?" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["0"]


def test_a_configuration_counts_by_its_mean_over_seeds(sweep, trials, read, at_once, capsys):
    folder = sweep("grid", "optimizer.lr=1e-3,1e-2", "hydra.sweeper.seeds=3", "seed=5")
    reach = 4.3026527 * 0.001 / math.sqrt(3)  # Student's t with two degrees of freedom; deviation of the seeds 5, 6, 7
    assert "0.9940 ± 0.0025" in capsys.readouterr().out
    assert read(folder, "best.json")[0]["intervals"] == {"val/auroc": pytest.approx([0.994 - reach, 0.994 + reach])}
    for row in trials(folder):
        runs = [read(folder / row["trial"] / f"seed_{seed}", "summary.json") for seed in (5, 6, 7)]
        assert [run["seed"] for run in runs] == [5, 6, 7]
        assert float(row["val/auroc"]) == pytest.approx(sum(run["val/auroc"] for run in runs) / 3)
        assert float(row["val/auroc high"]) - float(row["val/auroc low"]) == pytest.approx(2 * reach)


def test_a_configuration_counts_by_its_mean_over_folds(sweep, trials, at_once):
    folder = sweep("grid", "optimizer.lr=1e-3,1e-2", "hydra.sweeper.folds=3", "hydra.sweeper.seeds=2")
    for row in trials(folder):
        runs = sorted(path.name for path in (folder / row["trial"]).iterdir())
        assert runs == [f"seed_{seed}_fold_{fold}" for seed in (0, 1) for fold in (1, 2, 3)]
        config = yaml.safe_load((folder / row["trial"] / "seed_1_fold_2" / "config.yaml").read_text())
        assert (config["seed"], config["datamodule"]["split"]["val_fold"]) == (1, "2/3")
        assert float(row["val/auroc"]) == pytest.approx(
            1 - abs(math.log10(float(row["optimizer.lr"])) + 2) / 10 - 0.0005
        )


def test_several_objectives_leave_the_trials_that_none_beats_in_all(sweep, read, at_once):
    words = ("strategy=feature_extraction,full_finetuning", "optimizer.lr=1e-3,1e-2")
    folder = sweep("grid", *words[:2], "hydra.sweeper.minimize=[parameters/trainable]")
    assert [trial["params"] for trial in read(folder, "best.json")] == [
        {"strategy": "feature_extraction", "optimizer.lr": "0.01"}
    ]


def test_another_search_of_the_same_name_is_refused_and_nothing_is_lost(sweep, trials, capsys, at_once):
    folder = sweep("grid", "optimizer.lr=1e-3,1e-2")
    before = trials(folder)
    sweep("grid", "optimizer.lr=1e-3,1e-1", code=2)
    assert "optimizer.lr: then ['0.001', '0.01'], now ['0.001', '0.1']" in capsys.readouterr().err
    sweep("grid", "optimizer.lr=1e-3,1e-2", "trainer.max_epochs=1", code=2)
    assert "(trainer.max_epochs: then 2, now 1)" in capsys.readouterr().err
    assert trials(folder) == before


def test_files_that_were_edited_are_told_and_what_changes_no_result_may_change(
    sweep, trials, capsys, at_once, tmp_path, monkeypatch
):
    own = tmp_path / "configs"
    shutil.copytree(configs_dir(), own)
    for module in ("graft.config.locate", "graft.config.compose", "graft.config.running", "graft.sweeps.searched"):
        monkeypatch.setattr(f"{module}.configs_dir", lambda: own)
    words = ("strategy=feature_extraction,full_finetuning",)
    before = trials(sweep("grid", *words))
    harmless = ("datamodule.num_workers=1", f"cache.folder={tmp_path}/other", "report=true", "trainer.max_epochs=2")
    assert trials(sweep("grid", *words, *harmless)) == before
    capsys.readouterr()
    for file, old, new, told in (
        ("optimizer/adamw.yaml", "weight_decay: ", "weight_decay: 1", "optimizer.weight_decay: then "),
        ("strategy/full_finetuning.yaml", "train: all", "train: head", "strategy=full_finetuning: then "),
    ):
        text = (own / file).read_text()
        assert old in text
        (own / file).write_text(text.replace(old, new, 1))
        sweep("grid", *words, code=2)
        assert told in capsys.readouterr().err
        (own / file).write_text(text + "# a remark")
    assert trials(sweep("grid", *words)) == before


def test_one_valued_keys_of_a_search_count_like_those_of_the_configuration(sweep, trials, capsys, at_once):
    words = ("optimizer.lr=1e-3,1e-2", "+hydra.sweeper.params.strategy=linear_probe")
    value = "+hydra.sweeper.params.optimizer.weight_decay"
    folder = sweep("grid", *words, f"{value}=0.5")
    assert yaml.safe_load((folder / "0/config.yaml").read_text())["optimizer"]["weight_decay"] == 0.5
    before = trials(folder)
    sweep("grid", *words, f"{value}=0.25", code=2)
    assert "(optimizer.weight_decay: then 0.5, now 0.25)" in capsys.readouterr().err
    assert trials(sweep("grid", *words, f"{value}=0.5")) == before


def test_a_study_whose_folders_are_elsewhere_does_not_count_as_done(sweep, capsys, at_once, tmp_path):
    words = ("optimizer.lr=1e-3,1e-2", f"hydra.sweeper.storage=sqlite:///{tmp_path}/study.db")
    folder = sweep("grid", *words)
    folder.rename(tmp_path / "moved")
    sweep("grid", *words, code=2)
    assert "has the folder of none" in capsys.readouterr().err
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/other.db", study_name="other_grid")
    study.ask().set_user_attr("owner", {"host": "elsewhere", "pid": 7, "mark": "1"})
    other = (
        "optimizer.lr=1e-3,1e-2",
        f"hydra.sweeper.storage=sqlite:///{tmp_path}/other.db",
        "mode=min",
        "monitor=val/loss",
    )
    folder = sweep("grid", *other, name="other", code=2)
    assert "has the folder of none" in capsys.readouterr().err
    assert not list(folder.glob("*/status.json"))


def test_a_failure_that_waits_to_be_tried_again_is_told_at_the_end(sweep, monkeypatch, capsys, trials):
    def fails_once(run, cfg, *_):
        if run.path.name == "0":
            raise ConfigError("it fails")
        run.save_summary({"val/auroc": 0.5})

    monkeypatch.setattr("graft.fitting.fit_and_score", fails_once)
    folder = sweep("random", "hydra.sweeper.n_trials=3", code=1)
    capsys.readouterr()
    sweep("random", "hydra.sweeper.n_trials=2", "hydra.sweeper.retry_failed=true", code=1)
    assert "1 of the sweep's trials failed" in capsys.readouterr().err
    assert [row["ending"] for row in trials(folder)] == ["failed", "complete", "complete", "waiting"]


def test_results_of_a_study_that_is_gone_are_not_taken_for_those_of_another(sweep, capsys, at_once):
    folder = sweep("grid", "optimizer.lr=1e-3,1e-2")
    (folder / "study.journal").unlink()
    sweep("grid", "optimizer.lr=1e-4,1e-1", code=2)
    assert "is of another study than tiny_grid" in capsys.readouterr().err


def test_the_best_configuration_is_trained_anew_and_tested_once(sweep, read, trials):
    words = ("optimizer.lr=1e-3,1e-2", "hydra.sweeper.best=retrain")
    folder = sweep("grid", *words)
    (best,) = read(folder, "best.json")
    summary = read(folder / f"best_{best['trial']}", "summary.json")
    assert summary["val/auroc"] == best["values"]["val/auroc"]
    assert "test/auroc" in summary
    assert (folder / f"best_{best['trial']}" / "report.html").exists()
    written = (folder / f"best_{best['trial']}" / "summary.json").stat().st_mtime_ns
    sweep("grid", *words)
    assert (folder / f"best_{best['trial']}" / "summary.json").stat().st_mtime_ns == written
    assert len(trials(folder)) == 2
    status = folder / f"best_{best['trial']}" / "status.json"
    status.write_text(json.dumps({**json.loads(status.read_text()), "state": "failed"}))
    sweep("grid", *words, code=1)


def test_nothing_is_tested_before_the_search_is_over_and_another_look_is_told(sweep, monkeypatch):
    def come_to_something(run, cfg, *_):
        if run.path.name == "1":
            raise ConfigError("it fails")
        run.save_summary({"val/auroc": int(run.path.name) / 10})

    tested = []

    def evaluate(folder):
        tested.append(folder.name)
        (folder / "evaluations").mkdir()
        (folder / "evaluations/test.json").write_text('{"split": "test", "checkpoint": "best"}')

    monkeypatch.setattr("graft.fitting.fit_and_score", come_to_something)
    monkeypatch.setattr("graft.sweeps.proof._test", evaluate)
    words = ("hydra.sweeper.best=test",)
    folder = sweep("random", *words, "hydra.sweeper.n_trials=3", "hydra.sweeper.max_failures=1", code=1)
    assert tested == []
    assert "waits for what is missing, 1 trial: nothing is tested" in (folder / "sweep.log").read_text()
    sweep("random", *words, "hydra.sweeper.n_trials=3", code=1)
    assert tested == ["2"]
    assert "another look" not in (folder / "sweep.log").read_text()
    sweep("random", *words, "hydra.sweeper.n_trials=4", code=1)
    assert tested == ["2", "3"]
    assert "the search has chosen anew since 2 was tested" in (folder / "sweep.log").read_text()


@pytest.mark.parametrize(
    ("search", "folder"), [(["sweep=random", "hydra.sweeper.n_trials=3"], "imgs_random"), (["-m"], "imgs/*")]
)
def test_runs_that_vary_what_a_sweep_is_named_by_lie_in_one_folder(
    graft, tiny_words, flowers, tmp_path, monkeypatch, search, folder
):
    studies = set()

    def come_to_something(run, cfg, handler, trial):
        studies.add(trial and trial.study_name)
        run.save_summary({"val/auroc": 0.5})
        return 0.5

    monkeypatch.setattr("graft.fitting.fit_and_score", come_to_something)
    words = [
        *tiny_words,
        f"datamodule.root={flowers}",
        "strategy=linear_probe,feature_extraction,bitfit",
        "datamodule.name=imgs",
    ]
    assert graft("train", *words, *search) == 0
    (found,) = (tmp_path / "logs/sweeps").glob(folder)
    assert sorted(status.parent.name for status in found.glob("*/status.json")) == ["0", "1", "2"]
    assert len(list((tmp_path / "logs/sweeps").rglob("multirun.yaml"))) == 1
    assert studies == {None if "-m" in search else "imgs_random"}


def test_values_in_brackets_are_no_markup_of_the_table(sweep, capsys, at_once):
    sweep("grid", "average=[ema],[wise_ft]")
    assert "average=[wise_ft]" in capsys.readouterr().out


def test_a_retraining_with_seeds_that_was_killed_is_gone_on_with(sweep, read, at_once, monkeypatch, capsys):
    def state(run, named):
        status = run / "status.json"
        status.write_text(json.dumps({**json.loads(status.read_text()), "state": named}))

    gone_on = []

    def go_on(command, check):
        gone_on.append(command[-2:])
        state(Path(command[-1].removeprefix("resume=")), "done")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("graft.sweeps.proof.subprocess.run", go_on)
    words = ("optimizer.lr=1e-3,1e-2", "hydra.sweeper.seeds=3")
    (best,) = read(sweep("grid", *words), "best.json")
    folder = sweep("grid", *words, "hydra.sweeper.best=retrain") / f"best_{best['trial']}"
    state(folder / "seed_1", "killed")
    shutil.rmtree(folder / "seed_2")
    sweep("grid", *words, "hydra.sweeper.best=retrain")
    assert gone_on == [["train", f"resume={folder / 'seed_1'}"]]
    assert read(folder / "seed_2", "status.json")["state"] == "done"
    for named, code in (("killed", 0), ("running", 1)):
        for file in (folder / "seed_2").glob("[!s]*"):
            file.unlink()  # all but status.json: it was claimed
        (folder / "seed_2/summary.json").unlink()
        state(folder / "seed_2", named)
        sweep("grid", *words, "hydra.sweeper.best=retrain", code=code)
    assert "seed_2 is still running" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["sweep=grid"], "the sweep varies nothing"),
        (["sweep=grid", "optimizer.lr=interval(0,1)"], "an interval has no end of values"),
        (["sweep=random", "hydra.sweeper.metric=val/loss"], "say hydra.sweeper.mode=min"),
        (
            ["sweep=random", "hydra.sweeper.metric=parameters/trainable"],
            "the trial with the largest parameters/trainable would be the best",
        ),
        (
            ["sweep=random", "hydra.sweeper.maximize=[val/loss]", "hydra.sweeper.minimize=[val/loss]"],
            "val/loss stands more than once",
        ),
        (["sweep=random", "test=true"], "a sweep leaves the test split alone"),
        (["sweep=grid", "test=false,true"], "a sweep leaves the test split alone"),
        (["sweep=random", "hydra.sweeper.metric=test/auroc"], "would let the test split choose"),
        (["sweep=grid", "optimizer.lr=1,2", "hydra.sweeper.metric=val/aurok"], "Did you mean 'val/auroc'"),
        (["sweep=tpe", "hydra.sweeper.minimize=[val/nothing]"], "val/nothing is not computed."),
        (["sweep=random", "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials: 0 is not"),
        (["sweep=random", "hydra.sweeper.n_trails=3"], "Did you mean 'hydra.sweeper.n_trials'"),
        (["sweep=asha", "hydra.sweeper.seeds=2"], "hydra.sweeper.pruner"),
        (["sweep=asha", "hydra.sweeper.folds=2"], "hydra.sweeper.pruner"),
        (
            ["sweep=grid", "datamodule.split.val_fold=1/3,2/3,3/3"],
            "folds for one configuration, and a sweep would take",
        ),
        (["sweep=grid", "++seed=0,1"], "seed: its values are runs of one configuration"),
        (["sweep=tpe", "seed=0,1"], "hydra.sweeper.seeds=3 (seeds)"),
        (["sweep=tpe", "hydra.sweeper.folds=3", "datamodule.split.val_fold=1/3"], "names one of the folds"),
        (
            ["sweep=tpe_hyperband", "trainer.max_epochs=9,27"],
            "max_resource: it would be 9, and 27 with trainer.max_epochs=27; give",
        ),
        (["sweep=tpe_hyperband", "+hydra.sweeper.params.trainer.max_epochs=9"], "it would be 60, and 9 in trials"),
        (["sweep=tpe_hyperband", "experiment=elpv_finetuning,sentiment"], "hydra.sweeper.pruner.max_resource=…"),
        (["sweep=random", "mode=min", "monitor=val/loss", "hydra.sweeper.metric=val/auroc"], "hydra.sweeper.mode=max"),
        (["sweep=multi_objective", "hydra.sweeper.metric=val/loss"], "the trial with the largest val/loss"),
        (["sweep=random", "hydra.sweeper.minimize=[val/auroc]"], "val/auroc stands more than once"),
        (["sweep=random", "hydra.sweeper.maximize=[seconds]"], "say hydra.sweeper.minimize=[…]"),
        (["sweep=tpe", "optimizer.lr=tag(log,interval(1e-4,1e-1)),0"], "an interval stands alone"),
        (["sweep=grid", "strategy=glob(nothing*)"], "holds no value"),
        (["sweep=asha", "hydra.sweeper.minimize=[seconds]"], "hydra.sweeper.pruner"),
        (["sweep=asha", "hydra.sweeper.metric=seconds"], "seconds is not known after each epoch"),
        (["sweep=tpe", "find=lr"], "the sweep's optimizer.lr would give way to what is found"),
        (["sweep=grid", "optimizer.lrr=1,2"], "Did you mean 'optimizer.lr'"),
        (["sweep=grid", "optimizer.lr=1,fast"], "'fast' is not a number"),
        (["sweep=grid", "strategy=layerwise,layrwise"], "Did you mean 'layerwise'"),
        (["sweep=tpe", "optimizer.lr=tag(log,interval(0,1))"], "a logarithmic scale has no 0"),
        (["sweep=grid", "optimizer.lr=range(5,1)"], "'optimizer.lr=range(5,1)' holds no value"),
        (["sweep=tpe", "resume=logs/runs/x"], "a sweep goes on by its own command, without resume"),
        (["sweep=tpee"], "Did you mean 'tpe'"),
    ],
)
def test_a_search_that_cannot_work_is_refused_before_its_first_trial(graft, tmp_path, capsys, words, reason, at_once):
    assert graft("train", *words) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "logs").exists()


def test_journal_lines_cut_short_by_a_kill_are_no_loss(sweep, trials, at_once):
    folder = sweep("grid", "optimizer.lr=1e-3,1e-2")
    before = trials(folder)
    journal = folder / "study.journal"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":4,"worker_id":"')
    sweep("grid", "optimizer.lr=1e-3,1e-2")
    assert trials(folder) == before
    assert all(json.loads(line) for line in journal.read_text().splitlines())
