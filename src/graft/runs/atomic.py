"""Files that are the old one or the new one, and folders that are whole or absent, whatever happens meanwhile."""

import contextlib
import errno
import json
import math
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from graft.errors import GraftError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to, and puts what was written there in the place of `path`.

    The temporary file lies in the same folder, so that the exchange is one step of the file system. It is flushed
    to the disk before. When the block raises, `path` stays as it was. The name is fixed: what a kill leaves of it
    is overwritten the next time.

    Raises:
        GraftError: When the disk is full.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)  # noqa: PTH105 - the one call of which the whole module is about
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if is_full(error):
            raise disk_full(path) from error
        raise
    with contextlib.suppress(OSError):  # some network file systems cannot flush a folder
        _flush(path.parent)


@contextlib.contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder to write into, which takes the name `folder` when all of it is written and flushed.

    It lies beside, so that a kill leaves nothing under the name; what it leaves of the other is removed the next time.

    Args:
        folder: That does not exist, or is empty.

    Raises:
        GraftError: When the disk is full, or another process is writing the same folder.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            try:
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir()
                yield temporary
                for path in temporary.rglob("*"):
                    _flush(path)
                if folder.exists():
                    folder.rmdir()
                temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
                folder.with_name(f".{folder.name}.lock").unlink(missing_ok=True)
    except Timeout as error:
        raise GraftError(f"{folder} is being written by another process.") from error
    except BaseException as error:
        if is_full(error):
            raise GraftError(f"disk full while writing {folder}; nothing of it is kept.") from error
        raise


def write_text(path: Path, text: str) -> None:
    """Writes a text file as UTF-8; see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, data: Any) -> None:
    """Writes a JSON file that people can read; NaN and infinity, which JSON lacks, become null; see `replacing`."""
    write_text(path, json.dumps(_without_nan(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def is_full(error: BaseException) -> bool:
    """Whether an exception, or one that it followed from, says that the disk or a quota is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def disk_full(path: Path) -> GraftError:
    """The error for a file that found no room."""
    run = next((folder for folder in path.parents if (folder / "status.json").exists()), path.parent)
    return GraftError(
        f"disk full while writing {path}; free space and go on with `graft train resume={shlex.quote(str(run))}`"
    )


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
