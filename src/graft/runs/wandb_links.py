"""Links to the files of all runs at Weights & Biases, in a folder that `wandb sync` and `wandb leet` take whole."""

import contextlib
import glob
import os
from pathlib import Path
from typing import Any

_RENAMED = 3  # folders above the files of a run that may get another name: of the run, the trial, the sweep


def link(run: Any, folder: Path) -> None:
    """Leaves a link to the run's files, relative, so that all may be moved together.

    Links to runs that were moved since are mended, to those that were deleted removed. Where a file system has no
    links, there are none.

    Args:
        run: The W&B run.
        folder: Made where it is absent.
    """
    files = Path(run.dir).parent.absolute()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _point(folder / files.name, files)
    with contextlib.suppress(OSError):
        for old in folder.iterdir():
            with contextlib.suppress(OSError):  # another process mends it, too
                if old.is_symlink() and not old.exists():
                    _mend(old)


def _mend(old: Path) -> None:
    moved = _moved(old)
    old.unlink(missing_ok=True)
    if moved is not None:
        _point(old, moved)


def _moved(old: Path) -> Path | None:
    """Where the run of a link is now, if one folder around it was renamed, as sweeps rename `3/seed_0` to `7/seed_0`.

    The name of the files tells time and id, so that no other run has it.
    """
    target = old.readlink()
    *way, kept, name = target.parts  # ../sweeps/tiny_grid/3/seed_0, wandb, offline-run-…
    for number in reversed(range(max(0, len(way) - _RENAMED), len(way))):
        if way[number] in ("..", target.anchor):
            continue
        inner = map(glob.escape, (*way[number + 1 :], kept, name))
        if found := next(old.parent.joinpath(*way[:number]).glob("/".join(("*", *inner))), None):
            return found
    return None


def _point(at: Path, files: Path) -> None:
    at.symlink_to(os.path.relpath(files.absolute(), at.parent.absolute()))
