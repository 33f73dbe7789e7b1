import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graft.data.checks import examine_files, sift
from graft.errors import GraftError

IDS = [f"{number:02}" for number in range(20)]
read: list[str] = []


def fault(path: Path) -> list[str] | str:
    """Counts what it is asked about; files that begin with "bad" are bad."""
    read.append(path.name)
    return "rotten" if path.read_text().startswith("bad") else [path.read_text()]


def bad(root: Path, ids: list[str] = IDS, examine: Callable[[Path], list[str] | str] = fault) -> list[str]:
    """What is wrong, of the bad files."""
    return [found for found in examine_files(root, ids, examine) if isinstance(found, str)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    read.clear()
    folder = tmp_path / "root"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}").write_text("bad" if number % 2 else "good")
    return folder


def test_an_error_names_the_first_and_counts_all(root: Path):
    with pytest.raises(GraftError) as error:
        sift(root, IDS, fault, "error")
    message = str(error.value)
    assert "10 of 20 samples" in message
    assert "01: rotten" in message
    assert "… and 5 more" in message
    assert "bad_files=skip" in message


def test_skipped_files_are_returned_and_warned_of(root: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        sifted = sift(root, IDS, fault, "skip")
    assert sifted.rows.tolist() == list(range(0, 20, 2))
    assert sifted.facts == [["good"]] * 10
    assert [file.id for file in sifted.bad] == IDS[1::2]
    assert sifted.bad[0].reason == "rotten"
    assert "10 of 20 samples" in caplog.text


def test_good_files_are_read_once_and_changed_or_bad_ones_again(root: Path):
    bad(root)
    assert sorted(read) == IDS
    read.clear()
    assert len(bad(root)) == 10
    assert sorted(read) == IDS[1::2]
    (root / "02").write_text("bad too")
    stamp = (root / "04").stat().st_mtime_ns
    (root / "04").write_text("evil")  # as long as "good"
    os.utime(root / "04", ns=(stamp, stamp + 1))
    (root / "05").write_text("good")
    read.clear()
    assert len(bad(root)) == 10
    assert {"02", "04", "05"} <= set(read)
    assert not {"00", "06"} & set(read)


def test_a_missing_file_is_bad(root: Path):
    from graft.data.images import examine

    assert bad(root, ["gone"], examine) == ["no such file"]


def test_a_cache_that_cannot_be_written_or_read_costs_only_time(root: Path, cache: Path):
    cache.write_text("a file where the folder should be")
    assert len(bad(root)) == 10
    cache.unlink()
    bad(root)
    (memory,) = cache.rglob("*.json")
    memory.write_text("{ cut o")
    assert len(bad(root)) == 10


def test_an_interruption_does_not_wait_for_the_queue(root: Path, monkeypatch: pytest.MonkeyPatch):
    def slow(path: Path) -> list[str] | str:
        time.sleep(0.001)
        return fault(path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("graft.data.checks.Progress.advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examine_files(root, IDS * 500, slow)
    assert len(read) < 9_000
