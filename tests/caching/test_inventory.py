"""What a user sees of texts and tokens in the cache."""

import os

import pytest

from graft.caching.folders import opened

DAY = 24 * 3600


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder over one text, one token folder not opened for 40 days, and remains of older versions and kills."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    texts = opened("texts", "a" * 32, "The texts", lambda new: (new / "texts.arrow").write_bytes(b"1" * 2000))
    tokens = opened("tokens", "b" * 32, "The tokens", lambda new: (new / "ids.bin").write_bytes(b"1" * 3000))
    old = texts.parent / "0123.arrow"
    old.write_bytes(b"1" * 5000)
    killed, at_work = tokens.parent / ".killed", tokens.parent / ".at_work"
    killed.mkdir()
    at_work.mkdir()
    for path in (tokens / "checksums.json", old, killed):
        os.utime(path, (path.stat().st_mtime - 40 * DAY,) * 2)
    return tmp_path / "graft"


def names(root):
    return {path.name[:8] for kind in ("texts", "tokens") for path in (root / kind).iterdir()}


def test_sizes_of_texts_and_tokens_are_listed(kept, graft, capsys):
    assert graft("cache") == 0
    out = capsys.readouterr().out
    assert "texts beside them: 7.1 kB, 2 kept" in out
    assert "tokens beside them: 3.1 kB, 1 kept" in out


def test_what_is_old_or_all_is_pruned(kept, graft, capsys):
    assert graft("cache", "prune", "unused_for=30") == 0
    assert names(kept) == {"aaaaaaaa", ".at_work"}
    assert "1 of 2 texts removed: 5.0 kB freed" in capsys.readouterr().out
    assert graft("cache", "prune", "all") == 0
    assert names(kept) == {".at_work"}


@pytest.mark.parametrize("words", [["prune", "all"], ["prune", "unused_for=0"], ["verify"], []])
def test_another_folder_has_none_beside_it(kept, graft, capsys, tmp_path, words):
    assert graft("cache", *words, f"folder={tmp_path}/features") == 0
    assert len(names(kept)) == 5
    assert "tokens" not in capsys.readouterr().out


@pytest.mark.parametrize("words", [["prune"], ["prune", "name=bbb"], ["prune", "unused_for=long"]])
def test_nothing_is_removed_that_was_not_said(kept, graft, words):
    assert graft("cache", *words) == 2
    assert len(names(kept)) == 5


def test_damage_is_found_without_a_run(kept, graft, capsys):
    (kept / "tokens" / ("b" * 32) / "ids.bin").write_bytes(b"2" * 3000)
    assert graft("cache", "verify") == 0
    out = capsys.readouterr().out
    assert "tokens: 1 damaged and removed" in out
    assert "texts: 1 of an older version, which nothing opens, 1 whole" in out
    assert "bbbbbbbb" not in names(kept)
    assert "aaaaaaaa" in names(kept)
