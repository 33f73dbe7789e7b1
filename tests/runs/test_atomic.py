import itertools
import json
import math
import os
import shutil

import pytest

from graft.errors import GraftError
from graft.runs.atomic import appearing, replacing, write_json, write_text


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path, killed_after):
    path = tmp_path / "state.json"

    def write_for_ever():
        for n in itertools.count():
            write_json(path, {"n": n, "filling": [n] * 20000})

    for attempt in range(25):
        killed_after(0.05 + 0.007 * attempt, path, write_for_ever)
        data = json.loads(path.read_text())
        assert data["filling"] == [data["n"]] * 20000
    write_json(path, {})
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"], "what kills left is cleared away"


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def interrupted():
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_says_how_to_go_on(tmp_path, full_disk):
    run = tmp_path / "my run"
    (run / "checkpoints").mkdir(parents=True)
    write_json(run / "status.json", {})
    path = run / "checkpoints" / "a.txt"
    write_text(path, "old")
    with full_disk(1000), pytest.raises(GraftError, match="disk full while writing") as caught:
        write_text(path, "n" * 5000)
    assert str(path) in str(caught.value)
    assert f"graft train resume='{run}'" in str(caught.value), "the run folder, quoted for the shell"
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_really_full_disk(tiny_disk):
    path = tiny_disk / "a.txt"
    write_text(path, "old")
    with pytest.raises(GraftError, match="disk full"):
        write_text(path, "n" * 500_000)
    assert path.read_text() == "old"
    assert list(tiny_disk.iterdir()) == [path]


def test_other_errors_of_the_disk_pass_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "a.txt", "text")


def test_json_is_json_even_where_a_score_is_not_a_number(tmp_path):
    write_json(tmp_path / "scores.json", {"test/auroc": math.nan, "all": [1.0, math.inf], "count": 3})
    assert json.loads((tmp_path / "scores.json").read_text()) == {"test/auroc": None, "all": [1.0, None], "count": 3}


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_kill_at_any_moment_leaves_a_whole_folder_or_none(tmp_path, killed_after):
    folder = tmp_path / "shards"

    def write_for_ever():
        for _ in itertools.count():
            write()

    def write():
        with appearing(folder) as temporary:
            for number in range(30):
                (temporary / str(number)).write_bytes(bytes(20000))
        shutil.rmtree(folder.rename(tmp_path / f"done {os.getpid()}"))

    for attempt in range(12):
        killed_after(0.03 + 0.007 * attempt, tmp_path, write_for_ever)
        if folder.exists():
            assert len(list(folder.iterdir())) == 30
            shutil.rmtree(folder)
    for path in tmp_path.glob("done *"):
        shutil.rmtree(path)
    write()
    assert not list(tmp_path.iterdir()), "what kills left is cleared away"


def test_two_processes_do_not_write_one_folder(tmp_path):
    again = appearing(tmp_path / "shards")
    with appearing(tmp_path / "shards"), pytest.raises(GraftError, match="is being written by another process"):
        again.__enter__()
    assert (tmp_path / "shards").is_dir()
