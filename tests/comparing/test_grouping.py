import json
from collections import Counter

import pytest

from graft.comparing.grouping import compared
from graft.comparing.metric import metric_of
from graft.comparing.reading import read_runs
from graft.comparing.settings import told_by_name
from graft.errors import ConfigError


def of(parent, metric="val/auroc", mode="max"):
    return compared(*read_runs(sorted(parent.iterdir())), metric, mode)


def rates(comparison):
    return [each.settings["optimizer.lr"] for each in comparison.configurations]


def test_seeds_and_what_is_no_setting_make_no_configuration_of_their_own(folder):
    elsewhere = {"paths.logs": "/data", "datamodule.num_workers": 9, "name": "other", "logger.wandb": {"project": "x"}}
    folder(0, 0.8, 0)
    folder(1, 0.9, 1, elsewhere)
    folder(2, 0.7, 0, {"datamodule.split.seed": 5, "test": False, "bootstrap": 0, "report": False})
    folder(3, 0.6, 2, {"callbacks.progress": None, "task.head.dropout": 0})
    parent = folder(4, 0.95, 0, {"datamodule.batch_size": 7}).parent
    comparison = of(parent)
    assert comparison.keys == ["datamodule.batch_size"]
    assert [len(each.runs) for each in comparison.configurations] == [1, 4]
    many = comparison.configurations[1].score
    assert (many.n, round(many.mean, 9)) == (4, 0.75)


def test_folds_are_one_configuration_and_a_run_without_a_fold_another_one(folder):
    """They train on other shares of the samples, so that a mean over both is of nothing."""
    for number in range(1, 6):
        folder(f"fold {number}", 0.8, 0, {"datamodule.split.val_fold": f"{number}/5"}, sweep="night")
    folder("whole", 0.95, 0, sweep="night")
    comparison = of(folder("tenth", 0.7, 0, {"datamodule.split.val_fold": "3 of 10"}, sweep="night").parent)
    told = [(each.settings, len(each.runs), each.missing) for each in comparison.configurations]
    key = "datamodule.split.val_fold"
    assert told == [({key: None}, 1, []), ({key: "one of 5"}, 5, []), ({key: "one of 10"}, 1, [])]


def test_rates_that_were_found_are_one_configuration_whatever_was_found(folder, grid):
    for seed, rate in ((0, 0.003), (1, 0.005)):
        found = folder(f"found_{seed}", 0.99, seed, {"optimizer.lr": rate, "find": {"lr": None}})
        (found / "find.json").write_text(json.dumps({"lr": {"chosen": rate, "before": 0.001}}))
    best = of(grid).configurations[0]
    assert (best.settings["optimizer.lr"], len(best.runs), best.score.n) == ("found", 2, 2)
    assert len(of(grid).configurations) == 4


def test_the_best_comes_first_whichever_way_is_better_and_unfinished_runs_count_for_nothing(folder, grid):
    folder(6, 0.99, 2, {"optimizer.lr": 0.1}, {"pruned_at": 1})
    folder(7, None, 3, {"optimizer.lr": 0.1}, state="failed")
    folder(8, None, 0, {"optimizer.lr": 7.0}, state="failed")
    folder(9, 0.0, 0, {"optimizer.lr": 8.0}, {"val/auroc": None})
    high, low = of(grid), of(grid, mode="min")
    assert rates(high)[:3] == [0.01, 0.1, 0.001]
    assert rates(low)[:3] == [0.001, 0.1, 0.01]
    assert set(rates(high)[3:]) == set(rates(low)[3:]) == {7.0, 8.0}
    assert len(high.ranked) == 3
    second = high.configurations[1]
    assert second.endings == Counter(done=2, pruned=1, failed=1)
    assert second.score.mean == pytest.approx(0.805)


def test_the_test_split_sorts_nothing(folder, grid):
    folder(6, 0.5, 0, {"optimizer.lr": 5.0}, {"test/auroc": 1.0})
    assert rates(of(grid)) == [0.01, 0.1, 0.001, 5.0]
    with pytest.raises(ConfigError, match="test split"):
        metric_of(read_runs([grid / "0"])[0], "test/auroc")


def test_a_seed_that_was_run_twice_counts_once(folder):
    for number, (score, seed) in enumerate([(0.8, 0), (0.8, 0), (0.6, 1)]):
        parent = folder(number, score, seed).parent
    found = of(parent).configurations[0].score
    assert (found.n, round(found.mean, 9)) == (2, 0.7)


def test_references_stand_for_what_they_refer_to(folder):
    folder(0, config={"optimizer.lr": "${rate}", "rate": 0.1, "datamodule.split.seed": "${seed}"}, seed=3)
    folder(1, config={"optimizer.lr": 0.1, "rate": 0.1})
    comparison = of(folder(2, config={"optimizer.lr": "${rate}", "rate": 0.2}).parent)
    assert comparison.keys == ["optimizer.lr", "rate"]
    assert [len(each.runs) for each in comparison.configurations] == [2, 1]
    assert comparison.configurations[0].runs[0].seeds == (3, 3, None, None)


def test_the_name_of_a_choice_tells_what_goes_with_it_but_no_number_that_was_varied():
    keys = ["strategy.name", "strategy.phases", "strategy.k", "strategy.lr", "optimizer.phases"]
    rows = [dict(zip(keys, row, strict=True)) for row in
            [("a", [1], None, 0.1, "x"), ("a", [1], None, 0.1, "x"), ("b", [2], 3, 0.2, "y")]]  # fmt: skip
    assert told_by_name(rows, keys) == {"strategy.phases": "strategy.name", "strategy.k": "strategy.name"}
    rows[1]["strategy.phases"] = [3]
    assert told_by_name(rows, keys) == {"strategy.k": "strategy.name"}


def test_runs_that_monitor_different_metrics_need_a_word(folder):
    paths = [folder(0), folder(1), folder(2, config={"monitor": "val/loss", "mode": "min"})]
    runs, _ = read_runs(paths)
    assert metric_of(runs[:2]) == ("val/auroc", "max")
    with pytest.raises(ConfigError, match=r"val/auroc \(max\) by 2, val/loss \(min\) by 1.*--monitor val/auroc"):
        metric_of(runs)
    assert metric_of(runs, "val/loss") == ("val/loss", "min")
    assert metric_of(runs, "val/accuracy", "max") == ("val/accuracy", "max")
    for asked, said in ((("val/accuracy",), "--mode max or min"), (("val/acuracy", "max"), "mean 'val/accuracy'"),
                        ((None, "min"), None)):  # fmt: skip
        if said is None:
            assert metric_of(runs, *asked) == ("val/loss", "min")
        else:
            with pytest.raises(ConfigError, match=said):
                metric_of(runs, *asked)
