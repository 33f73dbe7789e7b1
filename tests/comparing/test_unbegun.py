import shutil

import pytest

from graft.comparing.grouping import compared
from graft.comparing.metric import metric_of
from graft.comparing.reading import read_runs
from graft.comparing.wording import counted


@pytest.fixture
def unbegun(folder):
    """Makes the folder of a run that never began."""

    def make(name, **status):
        path = folder(name, None, **{"state": "killed", "message": "its sweep ended before it began", **status})
        for file in path.iterdir():
            if file.name != "status.json":
                file.unlink()
        return path

    return make


def of(paths):
    runs, unreadable = read_runs(paths)
    return compared(runs, unreadable, *metric_of([run for run in runs if run.begun]))


def test_a_seed_that_never_began_is_one_of_its_configuration(folder, unbegun):
    config = {"optimizer.lr": 0.1, "datamodule.split.seed": "${seed}"}
    comparison = of([folder("3/seed_0", 0.9, 0, config, sweep="night"), unbegun("3/seed_1"), folder("4/seed_0", 0.8)])
    first = comparison.configurations[0]
    assert (first.endings["killed"], first.missing) == (1, [(1, 1, None, None)])
    said = "3 runs of 2 configurations: 2 done, 1 killed; 1 of these stopped before they began."
    assert counted(comparison) == said


def test_a_fold_that_never_began_is_one_of_its_configuration(folder, unbegun):
    config = {"optimizer.lr": 0.1, "datamodule.split.val_fold": "1/5"}
    comparison = of([folder("3/seed_7_fold_1", 0.9, 7, config, sweep="night"), unbegun("3/seed_7_fold_4")])
    assert comparison.configurations[0].missing == [(7, 0, None, "4/5")]


def test_one_without_another_of_its_trial_is_counted_and_makes_no_configuration(folder, unbegun):
    comparison = of([folder(0), folder(1, 0.7, config={"optimizer.lr": 0.1}), unbegun(2), unbegun(3, state="failed")])
    assert comparison.keys == ["optimizer.lr"]
    said = "4 runs of 2 configurations: 2 done, 1 failed, 1 killed; 2 of these stopped before they began."
    assert counted(comparison) == said


def test_folders_that_no_sweep_has_named_tell_nothing_of_one_another(folder, unbegun):
    """`hydra.run.dir=hand/seed_1` may be of any configuration, whatever lies beside it."""
    comparison = of([folder("hand/seed_0", 0.9, 0, {"optimizer.lr": 0.1}), unbegun("hand/seed_1"), folder("other")])
    assert [each.missing for each in comparison.configurations] == [[], []]
    assert counted(comparison).endswith("2 done, 1 killed; 1 of these stopped before they began.")


def test_what_the_sweep_says_of_a_failure_counts(folder, unbegun):
    paths = [folder(0), unbegun(1), unbegun(2), unbegun("3/seed_0")]
    (paths[0].parent / "trials.csv").write_text(
        'trial,ending,val/auroc,message\n0,complete,0.8,\n1,failed,,"OSError: no, room"\n2,lost,,\n3,failed,,'
    )
    ended = {run.path.name: (run.ending, run.message) for run in of(paths).runs}
    assert ended["1"] == ("failed", "OSError: no, room")
    assert ended["2"] == ("killed", "its sweep ended before it began")
    assert ended["seed_0"] == ("failed", "")
    shutil.rmtree(paths[3].parent)
    (paths[0].parent / "trials.csv").write_bytes(b"\xff\x00")
    assert {run.ending for run in of(paths[:3]).runs} == {"done", "killed"}
