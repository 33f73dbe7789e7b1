import json
import logging
import subprocess
import sys

import pytest

from graft.caching import folders
from graft.errors import GraftError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder for every test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graft" / "tokens"


@pytest.fixture
def made():
    """A line for each time that the files were written."""
    return []


@pytest.fixture
def opened(made):
    """Opens the folder of a key."""

    def write(folder):
        made.append(folder)
        (folder / "ids.bin").write_bytes(b"0123456789")
        (folder / "ends.npy").write_bytes(b"ends")

    return lambda key="a": folders.opened("tokens", key, "The tokens", write)


def test_a_folder_is_written_once_and_says_when_it_was_opened(opened, made, cache):
    folder = opened()
    assert folder == cache / "a"
    assert {path.name for path in folder.iterdir()} == {"ids.bin", "ends.npy", "checksums.json"}
    before = folder.stat().st_mtime
    folders.os.utime(folder / "checksums.json", (before - 1000,) * 2)
    assert opened() == folder
    assert (folder / "checksums.json").stat().st_mtime > before - 100
    assert len(made) == 1
    assert [path.name for path in cache.iterdir()] == ["a"]


def edited(folder):
    (folder / "ids.bin").write_bytes(b"0123456780")


def truncated(folder):
    (folder / "ends.npy").write_bytes(b"en")


def lost(folder):
    (folder / "ids.bin").unlink()


def without_checksums(folder):
    (folder / "checksums.json").unlink()


def with_broken_checksums(folder):
    (folder / "checksums.json").write_text("{")


def with_checksums_of_nothing(folder):
    (folder / "checksums.json").write_text("[]")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (edited, "the checksum of ids.bin is wrong"),
        (truncated, "the checksum of ends.npy is wrong"),
        (lost, "the checksum of ids.bin is wrong"),
        (without_checksums, "checksums.json is missing"),
        (with_broken_checksums, "checksums.json cannot be read"),
        (with_checksums_of_nothing, "checksums.json holds no checksums"),
    ],
)
def test_a_damaged_folder_is_told_and_it_alone_is_made_again(opened, made, cache, caplog, damage, said):
    folder, other = opened(), opened("b")
    (cache / "own").write_text("of the user")
    damage(folder)
    with caplog.at_level(logging.WARNING):
        assert opened() == folder
    assert caplog.messages == [f"{folder} is damaged ({said}); what it held is made again."]
    assert (folder / "ids.bin").read_bytes() == b"0123456789"
    assert len(made) == 3
    assert opened("b") == other
    opened()
    assert len(made) == 3
    assert {path.name for path in cache.iterdir()} == {"a", "b", "own", ".lock"}


def test_what_another_process_has_mended_meanwhile_is_not_removed(opened):
    folder = opened()
    folders.remove_damaged(folder)
    assert folders.damage(folder) is None


def test_a_folder_that_another_process_made_faster_is_taken(opened, made, monkeypatch):
    folder = opened()
    monkeypatch.setattr(folders.Path, "exists", lambda path: False)
    assert opened() == folder
    assert len(made) == 2


def test_what_file_systems_hide_in_a_folder_is_no_damage(opened, made):
    (opened() / ".DS_Store").write_text("a browser of files")
    opened()
    assert len(made) == 1


@pytest.mark.parametrize("in_the_way", [".", "a"])
def test_where_the_cache_cannot_be_written_the_run_goes_on(opened, made, cache, caplog, in_the_way):
    target = cache / in_the_way
    target.parent.mkdir(parents=True)
    target.write_text("a file")
    with caplog.at_level(logging.WARNING):
        folder = opened()
    (said,) = caplog.messages
    assert said.startswith(f"The tokens cannot be kept in {cache} (")
    assert said.endswith("for this run; set the environment variable XDG_CACHE_HOME to another folder.")
    assert (folder / "ids.bin").read_bytes() == b"0123456789"
    assert opened() == folder
    assert len(made) == len(caplog.messages) == 1
    edited(folder)
    assert (opened() / "ids.bin").read_bytes() == b"0123456789"
    assert target.read_text() == "a file"


def test_a_damaged_folder_that_cannot_be_removed_is_not_taken(opened, monkeypatch, caplog):
    folder = opened()
    edited(folder)
    monkeypatch.setattr(folders, "remove", lambda path: path.rename("/nowhere/at all"))
    other = opened()
    assert other != folder
    assert (other / "ids.bin").read_bytes() == b"0123456789"


def test_where_nothing_can_be_written_a_message_says_so(opened, cache, monkeypatch):
    cache.parent.mkdir(parents=True)
    cache.write_text("a file")
    monkeypatch.setattr(folders, "_temporary", lambda: cache / "temporary")
    with pytest.raises(GraftError, match=r"The tokens cannot be kept in .*, nor in a temporary folder \(.*TMPDIR"):
        opened()


def test_a_temporary_folder_is_gone_when_the_process_ends(tmp_path, cache):
    cache.parent.mkdir(parents=True)
    cache.write_text("a file")
    program = """
from graft.caching.folders import opened
folder = opened("tokens", "a", "The tokens", lambda new: (new / "ids.bin").touch())
assert (folder / "ids.bin").exists()
print(folder)
"""
    (tmp_path / "temporary").mkdir()
    own = {**folders.os.environ, "TMPDIR": str(tmp_path / "temporary")}
    said = subprocess.run([sys.executable, "-c", program], env=own, capture_output=True, text=True, check=True).stdout
    assert said.startswith(str(tmp_path / "temporary" / "graft-"))
    assert not list((tmp_path / "temporary").iterdir())


def test_nothing_unfinished_stays_where_writing_fails(cache):
    def write(folder):
        (folder / "ids.bin").touch()
        raise ValueError("as a killed one")

    with pytest.raises(ValueError, match="killed"):
        folders.opened("tokens", "a", "The tokens", write)
    assert not list(cache.iterdir())


def test_checksums_are_those_of_any_program(opened):
    sums = json.loads((opened() / "checksums.json").read_text())
    assert sums["ids.bin"] == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"  # sha256sum
