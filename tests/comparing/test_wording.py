import json

from graft.comparing.grouping import compared
from graft.comparing.reading import read_runs
from graft.comparing.wording import counted, made_alike, short_names, stopped


def test_runs_are_counted_by_their_ends_and_reasons_told_together(folder):
    paths = [folder(number, None, state="failed", message="out of memory") for number in range(5)]
    paths += [folder(5), folder(6, summary={"pruned_at": 1}), folder(7, summary={"val/auroc": None}), folder(8)]
    (paths[-1] / "summary.json").write_text("{")
    comparison = compared(*read_runs(paths), "val/auroc", "max")
    said = "8 runs of 1 configuration: 2 done, 1 pruned, 5 failed; 1 done without a number for val/auroc"
    assert counted(comparison) == f"{said}; 1 folder skipped."
    (said,) = stopped(comparison.runs)
    assert said.endswith("and 2 more: out of memory")


def test_other_data_are_told(folder):
    where = {"datamodule.name": "image_folder", "datamodule.root": "data/a"}
    paths = [folder(0, config=where), folder(1, config=where | {"datamodule.split.seed": 3})]
    assert made_alike(read_runs(paths)[0]) == []
    paths.append(folder(2, config=where | {"datamodule.root": "data/b"}))
    (said,) = made_alike(read_runs(paths)[0])
    assert "image_folder data/a (2 runs), image_folder data/b (1 run)" in said


def test_other_code_versions_and_devices_are_told(folder):
    paths = [folder(0), folder(1), folder(2)]
    environment = json.loads((paths[2] / "environment.json").read_text())
    session = environment["sessions"][-1]
    session["git"] = {"commit": "f" * 40, "diff_sha256": "abcdef"}
    session["packages"]["torch"] = "9.9"
    session["device"]["cuda"] = ["H100"]
    (paths[2] / "environment.json").write_text(json.dumps(environment))
    runs, _ = read_runs(paths)
    assert made_alike(runs[:2]) == []
    code, version, device = made_alike(runs)
    assert "fffffff with changes abcd (1 run)" in code
    assert "9.9 (1 run)" in version
    assert "H100 (1 run)" in device


def test_settings_are_named_shortly_where_that_tells_them_apart():
    keys = ["strategy.name", "optimizer.lr", "task.head.dropout", "strategy.lr", "name", "backbone.model"]
    assert short_names(keys) == ["strategy", "optimizer.lr", "dropout", "strategy.lr", "name", "backbone"]
    assert short_names(["optimizer.lr", "optimizer.name", "optimizer.model"]) == [
        "lr",
        "optimizer.name",
        "optimizer.model",
    ]
