"""The new project: copied and renamed by copier, in a folder that appears when it is whole."""

import subprocess
from pathlib import Path

from graft.errors import ConfigError, GraftError
from graft.runs.atomic import appearing

ANSWERS = ".copier-answers.yml"


def check_clone(clone: Path) -> None:
    """Makes sure that a commit holds all that will be copied, so that later changes can be merged.

    Raises:
        GraftError: The folder is no git clone, or has changes; then nothing was written.
    """
    top = _git(clone, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != clone.resolve() or not (clone / "copier.yml").is_file():
        raise GraftError(
            f"graft init makes a project of a git clone of Graft, and {clone} is none: git clone it, and start there."
        )
    if _git(clone, "rev-parse", "--verify", "HEAD") is None:
        raise GraftError(f"{clone} has no commit yet: git add, git commit, and try again.")
    if changed := (_git(clone, "status", "--porcelain") or "").splitlines():
        named = ", ".join(line[3:] for line in changed[:3]) + (", …" if len(changed) > 3 else "")
        raise GraftError(f"{clone} has changes that no commit holds ({named}): commit or stash them, and try again.")


def check_target(target: Path, clone: Path) -> None:
    """Makes sure that the new folder can be written.

    Raises:
        ConfigError: Something is there, or it would lie in the clone.
    """
    if target.exists() and not target.is_dir():
        raise ConfigError(f"--into: {target} is a file.")
    if target.is_dir() and any(target.iterdir()):
        raise ConfigError(f"--into: {target} is not empty: name a new folder.")
    if target.resolve().is_relative_to(clone.resolve()):
        raise ConfigError(f"--into: {target} lies in the clone: name a folder outside of {clone}.")


def make(clone: Path, target: Path, name: str, asks: bool) -> bool:
    """Makes the project, with a first commit; whatever stops it leaves nothing behind.

    Args:
        clone: A clone that `check_clone` lets pass.
        target: A folder that `check_target` lets pass.
        name: Of the package.
        asks: Whether copier asks its questions.

    Returns:
        Whether the commit could be made: git may not know whose it is.

    Raises:
        GraftError: The extra is missing, or copier fails.
    """
    try:
        from copier import run_copy
        from copier.errors import CopierAnswersInterrupt, CopierError
    except ImportError as error:
        raise GraftError("graft init needs the extra: pip install 'graft[init]', or uv sync --extra init") from error
    with appearing(target) as folder:
        try:
            run_copy(
                str(clone),
                folder,
                data={"package": name},
                vcs_ref="HEAD",
                defaults=not asks,
                quiet=True,
                unsafe=True,  # the task that renames is this clone's own
            )
        except CopierAnswersInterrupt as error:  # Ctrl-C at a question
            raise KeyboardInterrupt from error
        except CopierError as error:
            raise GraftError(f"copier could not make the project: {error}") from error
        _point_to_origin(clone, folder)
        return _commit(folder, clone)


def _point_to_origin(clone: Path, folder: Path) -> None:
    """Lets updates come from where the clone is from, where that has the commit; else they come from the clone."""
    origin = _git(clone, "config", "--get", "remote.origin.url")
    if origin and _git(clone, "branch", "--remotes", "--contains", "HEAD") and "@" not in origin.partition("://")[2]:
        path = folder / ANSWERS
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text(
            "\n".join(f'_src_path: "{origin}"' if line.startswith("_src_path:") else line for line in lines) + "\n"
        )


def _commit(folder: Path, clone: Path) -> bool:
    commit = _git(clone, "rev-parse", "--short", "HEAD")
    words = [
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", f"A project of its own, from {commit}"],
    ]
    return all(_git(folder, *each) is not None for each in words)


def _git(folder: Path, *words: str) -> str | None:
    """What git prints; None when it fails or is missing."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip("\n")
