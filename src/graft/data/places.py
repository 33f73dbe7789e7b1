"""Where shards lie: a folder, or an object store with a folder of the cache before it."""

import hashlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from graft.data.shards import AGAIN, MANIFEST, Manifest, check_file, read_manifest
from graft.errors import GraftError, did_you_mean

_STORES = ("s3://", "gs://", "azure://", "r2://", "hf://", "local:")
_PAUSE = 0.05  # seconds, while another process fetches the same file


@dataclass(frozen=True)
class Place:
    """Gives files by their names below the shards' folder.

    Attributes:
        address: as the user names it.
        folder: on this machine.
        manifest: what is there.
        is_remote: whether files are fetched into `folder` when they are asked for.
    """

    address: str
    folder: Path
    manifest: Manifest
    is_remote: bool

    def file(self, name: str, size: int) -> Path:
        """Returns the path of a file, fetched where it is not here yet.

        Raises:
            GraftError: it is not there, cannot be fetched, or has another size in bytes.
        """
        path = self.folder / name
        if self.is_remote and not path.exists():
            _fetch(self.address, name, path)
        if not path.is_file():
            raise GraftError(f"{path} is missing from the shards. {self.remedy(path)}")
        if (has := path.stat().st_size) != size:
            raise GraftError(f"{path} has {has:,} bytes of {size:,}: it is cut off or changed. {self.remedy(path)}")
        return path

    def described(self, name: str) -> Path:
        """Returns the path of a file that the manifest describes.

        Raises:
            GraftError: see `file`; or it is another one than described.
        """
        said = self.manifest.files[name]
        path = self.file(name, said["bytes"])
        check_file(path, said, self.remedy(path))
        return path

    def remedy(self, path: Path) -> str:
        """Returns what to do about a damaged file."""
        if self.is_remote:
            return f"It is the copy of {self.address} in the cache: remove it, and it is fetched again."
        return AGAIN


def find(address: str) -> Place:
    """Looks for shards.

    Args:
        address: a folder, or the address of one in an object store, as litdata takes them.

    Raises:
        GraftError: there are none, or none that can be read.
    """
    if not address.startswith(_STORES):
        folder = Path(address).expanduser()
        manifest = read_manifest(_content(folder), str(folder))
        return Place(str(folder), folder, manifest, is_remote=False)
    address = address.rstrip("/")
    with tempfile.TemporaryDirectory() as temporary:  # always asked for anew: shards may have been written again
        _fetch(address, MANIFEST, Path(temporary) / MANIFEST)
        manifest = read_manifest((Path(temporary) / MANIFEST).read_bytes(), address)
    return Place(address, _cache(address, manifest.fingerprint), manifest, is_remote=True)


def _content(folder: Path) -> bytes:
    if (path := folder / MANIFEST).is_file():
        return path.read_bytes()
    if "://" in str(folder) or ":/" in str(folder):
        raise GraftError(f"datamodule.folder={folder}: the addresses that are known begin with {' '.join(_STORES)}.")
    if not folder.is_dir():
        beside = [each.name for each in folder.parent.iterdir()] if folder.parent.is_dir() else []
        near = did_you_mean(folder.name, beside)
        raise GraftError(f"datamodule.folder={folder} does not exist (looked for {folder.absolute()}).{near}")
    raise GraftError(
        f"datamodule.folder={folder} has no {MANIFEST}: it holds no shards, or not all of them, as the manifest comes"
        " last. They are written with: graft shard datamodule=… to=<folder>"
    )


def _fetch(address: str, name: str, path: Path) -> None:
    """By litdata, which lets one process fetch a file and all see it when it is whole; the others come back at once."""
    from litdata.streaming.downloader import get_downloader

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        downloader = get_downloader(address, str(path.parent), [])
        downloader.download_file(f"{address}/{name}", str(path))
        while not path.exists():
            time.sleep(_PAUSE)
            downloader.download_file(f"{address}/{name}", str(path))
    except Exception as error:  # each store's library has errors of its own
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise GraftError(
            f"{address}/{name} cannot be fetched: {reason}\nIf it is there: are the store's credentials in the"
            f" environment, and is there room in {path.parent}?"
        ) from error


def _cache(address: str, fingerprint: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(f"{address}\n{fingerprint}".encode()).hexdigest()[:16]
    return cache / "graft" / "shards" / name
