import os

import pytest

from graft.comparing.finding import run_folders
from graft.errors import ConfigError, GraftError


def claim(path):
    path.mkdir(parents=True)
    (path / "status.json").write_text("{}")
    return path


def test_runs_are_found_at_any_depth_once_and_in_the_order_of_their_numbers(tmp_path):
    trials = [claim(tmp_path / "sweeps" / "a" / name) for name in ("2", "10", "1")]
    run = claim(tmp_path / "runs" / "x" / "2026-11-24")
    claim(run / "checkpoints" / "inner")  # what lies in a run's folder is no run of its own
    found = run_folders([tmp_path / "sweeps", run, tmp_path / "sweeps" / "a" / "10"])
    assert found == ([trials[2], trials[0], trials[1], run], {})


def test_places_without_runs_are_refused_by_name(tmp_path):
    (tmp_path / "logs" / "empty").mkdir(parents=True)
    (tmp_path / "note").write_text("")
    for place, said in (("log", "Did you mean 'logs'"), ("logs/empty", "no run in"), ("note", "is a file")):
        with pytest.raises(ConfigError, match=said):
            run_folders([tmp_path / place])


def test_a_folder_that_may_not_be_read_is_named_and_hides_no_other(tmp_path, monkeypatch):
    """Its permissions would not stop root, as which tests may run."""
    closed, run = claim(tmp_path / "sweep" / "1"), claim(tmp_path / "sweep" / "2")
    look = os.scandir

    def refused(path):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert run_folders([tmp_path]) == ([run], {closed: "Permission denied"})
    with pytest.raises(GraftError, match=r"no run in .*/1: it cannot be read: Permission denied"):
        run_folders([closed])
