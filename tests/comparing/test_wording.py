import json

import pytest

from graft.comparing.grouping import compared
from graft.comparing.reading import read_runs
from graft.comparing.wording import counted, made_alike, stopped, verdict


@pytest.fixture
def two(folder):
    """Compares two rates; `first`, `second`: scores by seed."""

    def make(first, second, more=()):
        for rate, scores in zip((0.1, 0.01, *more), (first, second, *[{0: 0.1}] * len(more)), strict=True):
            for seed, score in scores.items():
                path = folder(f"{rate} {seed}", score, seed, {"optimizer.lr": rate})
        return compared(*read_runs(sorted(path.parent.iterdir())), "val/auroc", "max")

    return make


@pytest.mark.parametrize(
    ("first", "second", "said", "unsaid"),
    [
        ({0: 0.9}, {1: 0.8}, ["share no seed", "nothing can be paired"], ["p ="]),
        ({0: 0.9}, {0: 0.8}, ["share one seed", "0: +0.100", "cannot be told from chance"], ["p ="]),
        ({0: 0.9, 1: 0.8}, {0: 0.7, 1: 0.75}, ["Over 2 shared seeds", "p = 0.34", "chance between seeds could be all",
                                              "By seed: 0: +0.200, 1: +0.050", "few pairs"], []),
        ({s: 0.9 + s / 1e3 for s in range(5)}, {s: 0.8 - s / 1e3 for s in range(5)},
         ["Over 5 shared seeds", "p = less than 0.0001", "more than chance"], ["By seed", "few"]),
        ({0: 0.75, 1: 0.5}, {0: 0.5, 1: 0.25}, ["differs from the runner-up by 0.25 in each"], ["p ="]),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_seeds_allow(two, first, second, said, unsaid):
    text = verdict(two(first, second))
    assert not [part for part in said if part not in text], text
    assert not [part for part in unsaid if part in text], text


def test_a_choice_among_many_is_said_to_flatter_the_best(two):
    assert "picked from 3 configurations" in verdict(two({0: 0.9, 1: 0.8}, {0: 0.8, 1: 0.75}, more=[5.0]))


def test_one_configuration_has_no_rival(folder):
    assert verdict(compared(*read_runs([folder(0), folder(1, seed=1)]), "val/auroc", "max")) == ""


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
