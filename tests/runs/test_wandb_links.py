from pathlib import Path
from types import SimpleNamespace

import pytest

from graft.runs.wandb_links import link


@pytest.fixture
def begin(tmp_path):
    """Begins a run and gives the folder of links; `trial`: the folder of the run."""

    def make(trial, name):
        files = tmp_path / trial / "wandb" / name / "files"
        files.mkdir(parents=True)
        link(SimpleNamespace(dir=str(files)), tmp_path / "wandb")
        return tmp_path / "wandb"

    return make


@pytest.mark.parametrize("failing", ["readlink", "unlink"])
def test_an_old_link_that_fails_costs_neither_the_own_one_nor_the_mending_of_others(begin, monkeypatch, failing):
    """Two jobs that begin at once mend the same links: what one reads, the other has removed."""
    links = begin("runs/new", "offline-run-0")
    for number in (1, 2):
        (links / f"offline-run-{number}").symlink_to(f"../runs/old/wandb/offline-run-{number}")
        (links.parent / "runs/moved/wandb" / f"offline-run-{number}").mkdir(parents=True)
    work = getattr(Path, failing)

    def other_first(self, **options):
        if self.name == "offline-run-1":
            raise FileNotFoundError(self)
        return work(self, **options)

    monkeypatch.setattr(Path, failing, other_first)
    links = begin("runs/newer", "offline-run-3")
    assert [path.name for path in sorted(links.iterdir()) if path.exists()] == [f"offline-run-{n}" for n in (0, 2, 3)]


def test_a_file_system_without_links_has_none(begin, monkeypatch):
    def refuse(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    assert list(begin("runs/new", "offline-run-0").iterdir()) == []
