import gzip
import hashlib
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from graft.data import archives
from graft.data.archives import member, source_archive
from graft.errors import GraftError


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_a_file_is_read_without_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    archive = packed({"../outside.txt": b"no", "/absolute.txt": b"no", "in/side.txt": b"yes"})
    assert member(archive, "in/side.txt") == b"yes"
    assert not (tmp_path.parent / "outside.txt").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(GraftError, match=r"holds no file b\.txt"):
        member(packed({"a.txt": b""}), "b.txt")


def test_a_link_is_no_file():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("a.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(GraftError, match=r"holds no file a\.txt"):
        member(buffer.getvalue(), "a.txt")


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "_MOST", 1000)
    bomb = packed({"zeros.bin": bytes(10**6), "a.txt": b"a"})
    assert len(bomb) < 2000
    with pytest.raises(GraftError, match=r"zeros\.bin unpacks to 1,000,000 bytes: more than 1,000"):
        member(bomb, "a.txt")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
def test_a_header_that_is_a_bomb_is_refused_before_it_is_unpacked(kind: bytes):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 2**30
    with pytest.raises(GraftError, match="a header of more than 65,536 bytes"):
        member(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(10_000)), "a.txt")


def test_long_names_and_many_files_are_no_bomb():
    content, long = bytes(300_000), "long/" * 100 + "a.txt"
    archive = packed({**{f"{number}.txt": b"" for number in range(10_000)}, long: content})
    tracemalloc.start()
    try:
        assert member(archive, long) == content
        assert tracemalloc.get_traced_memory()[1] < 2 * 10**6
    finally:
        tracemalloc.stop()


def test_another_archive_in_the_cache_is_refused(cache: Path):
    path = cache / "graft" / "archives" / "some-1.0.tar.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    wanted = hashlib.sha256(b"what was checked").hexdigest()
    with pytest.raises(GraftError, match=f"expected {wanted}: remove it"):
        source_archive("some", "1.0", wanted)


def test_without_network_the_file_and_its_place_are_told(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(GraftError, match=r"pip download .*no-such-package==1\.0; then put it here: .*package-1\.0"):
        source_archive("no-such-package", "1.0", "0" * 64)
    assert list((cache / "graft" / "archives").iterdir()) == []  # nothing half-fetched stays
