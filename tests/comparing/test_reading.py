from pathlib import Path

import pytest
from omegaconf import OmegaConf

from graft.comparing.reading import read_curves, read_runs
from graft.comparing.settings import flat_config, value_of
from graft.errors import GraftError

RECORDED = Path(__file__).parent / "recorded"


def plain(data, prefix=""):
    """Flattened as settings are, on another way."""
    found = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found |= plain(value, f"{prefix}{key}.")
        elif value is not None:
            found[prefix + key] = value
    return found


def test_a_config_is_read_as_omegaconf_reads_it(tmp_path):
    config = OmegaConf.load(RECORDED / "config.yaml")
    config.note = {"colon": "a: b", "long": "word " * 60, "lines": "one\n\ntwo: 2\nthree", "list": [1, {"x": None}]}
    config["quoted key"] = {"small": 1e-05, "yes": "yes", "empty": {}}
    OmegaConf.save(config, tmp_path / "config.yaml")
    assert flat_config(tmp_path / "config.yaml") == plain(OmegaConf.to_container(config, resolve=False))


def test_a_config_that_was_written_by_hand_is_read_as_a_whole(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("# mine\nseed: &s 3\nsplit: {seed: *s}\ntext: 'one\n\n  two'\n")
    assert flat_config(path) == {"seed": 3, "split.seed": 3, "text": "one\ntwo"}
    for text in ("- a\n- b\n", "seed: [1\n", "just words\n"):
        path.write_text(text)
        with pytest.raises(GraftError, match=r"config\.yaml is no config"):
            flat_config(path)


def test_references_are_followed_and_end():
    settings = {"a": "${b.c}", "b.c": "${d}", "d": 0.1, "x": "${y}", "y": "${x}", "env": "${oc.env:HOME}"}
    assert value_of(settings, "a") == 0.1
    assert value_of(settings, "x") in ("${x}", "${y}")
    assert value_of(settings, "env") == "${oc.env:HOME}"


def test_each_ending_is_told_from_the_others(folder):
    folder("done")
    folder("pruned", summary={"pruned_at": 0})
    folder("failed", None, state="failed", message="The training loss became nan.")
    folder("killed", None, state="running")
    parent = folder("nan", summary={"val/auroc": None}).parent
    runs, unreadable = read_runs(sorted(parent.iterdir()))
    assert {run.path.name: run.ending for run in runs} == {
        "done": "done", "failed": "failed", "killed": "killed", "nan": "done", "pruned": "pruned",
    }  # fmt: skip
    assert not unreadable
    assert [run.score("val/auroc") for run in runs] == [0.8, None, None, None, 0.8]
    assert [run.finished for run in runs] == [True, False, False, True, False]


def test_damaged_folders_are_named_with_what_is_wrong_and_the_others_read(folder):
    folder("whole")
    wrong = {
        "status.json": '{"state": "dancing"}',
        "config.yaml": "- a",
        "summary.json": '{"val/auroc": ',
        "environment.json": "[]",
    }
    for name, text in wrong.items():
        (folder(f"wrong {name}") / name).write_text(text)
    (folder("no config") / "config.yaml").unlink()
    parent = folder("no summary", None).parent
    (folder("binary") / "summary.json").write_bytes(b"\xff\xfe")
    runs, unreadable = read_runs(sorted(parent.iterdir()))
    assert [run.path.name for run in runs] == ["whole"]
    said = {path.name: why for path, why in unreadable.items()}
    assert said.keys() == {*(f"wrong {name}" for name in wrong), "no config", "no summary", "binary"}
    assert "config.yaml is missing, though" in said["no config"]
    assert "summary.json is missing, though" in said["no summary"]


def test_a_curve_is_what_validations_say_and_a_cut_or_damaged_file_hinders_no_other(folder):
    cut, damaged = folder("cut"), folder("damaged")
    (cut / "metrics.csv").write_text("epoch,step,train/loss,val/auroc\n0,3,0.5,\n0,3,,0.6\n1,7,,nan\n2,11,,0.8\n3,1")
    (damaged / "metrics.csv").write_text("epoch,val/auroc\n0,high\n")
    (folder("none") / "metrics.csv").unlink()
    runs, _ = read_runs(sorted(cut.parent.iterdir()))
    curves, wrong = read_curves(runs, "val/auroc")
    assert {path.name: curve for path, curve in curves.items()} == {"cut": [(1, 0.6), (3, 0.8)], "none": []}
    assert [path.name for path in wrong] == ["damaged"]


def test_reading_many_runs_costs_one_look_at_each_file_and_parses_no_group_twice(folder, monkeypatch):
    from graft.comparing import settings

    runs = [folder(number, 0.5, config={"optimizer.lr": (number + 1) / 1e3}) for number in range(40)]
    groups, reads, parsed = len(OmegaConf.load(runs[0] / "config.yaml")), [], []
    text, load = Path.read_text, settings.yaml.load
    monkeypatch.setattr(Path, "read_text", lambda self, *args, **more: reads.append(self) or text(self, *args, **more))
    monkeypatch.setattr(settings.yaml, "load", lambda *args, **more: parsed.append(args) or load(*args, **more))
    settings._flat_group.cache_clear()
    found, _ = read_runs(runs)
    assert len(found) == 40
    of_runs = [path for path in reads if path.is_relative_to(runs[0].parent)]
    assert len(of_runs) == len(set(of_runs)) == 4 * 40
    assert len(parsed) == groups + 39
