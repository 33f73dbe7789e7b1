"""What a run was made with: the state of the code, the versions of packages, the machine."""

import hashlib
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from graft.runs.status import command_line, now


def describe_session(seed: int) -> dict[str, Any]:
    """Returns one start of a run as a dictionary for JSON; goes into `RunFolder.add_session`.

    The machine's name is not in it. Imports torch.

    Args:
        seed: The run's seed.
    """
    return {
        "started": now(),
        "command": command_line(),
        "seed": seed,
        "git": describe_git(code_folder()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _versions(),
        "device": describe_devices(),
    }


def describe_git(folder: Path) -> dict[str, Any]:
    """Returns commit, branch, changed files and the SHA-256 of the difference of the checkout that holds a folder.

    The files that git does not know, but does not ignore either, are among those changed; they are not part of the
    difference. All values are None outside of a checkout, before its first commit and without git; the branch is
    None when none is checked out.
    """
    commit = git_commit(folder)
    if commit is None:
        return {"commit": None, "branch": None, "changed": None, "diff_sha256": None}
    changed = [entry[3:] for entry in (_git(folder, "status", "--porcelain", "--no-renames", "-z") or b"").split(b"\0")]
    difference = _git(folder, "diff", "--binary", "HEAD") or b""
    branch = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD")
    return {
        "commit": commit,
        "branch": branch.decode().strip() if branch else None,
        "changed": sorted(name.decode(errors="replace") for name in changed if name),
        "diff_sha256": hashlib.sha256(difference).hexdigest() if difference else None,
    }


def git_commit(folder: Path) -> str | None:
    """Returns the commit of the checkout that holds a folder; None where `describe_git` has none."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    return None if commit is None else commit.decode().strip()


def git_address(folder: Path) -> str | None:
    """Returns where the checkout that holds a folder comes from, without user and password; None where from nowhere."""
    address = _git(folder, "config", "--get", "remote.origin.url")
    return None if address is None else re.sub(r"(?<=://)[^/@]*@", "", address.decode().strip())


def code_folder() -> Path:
    """The folder of Graft's code, or, when that is an installed package, the user's."""
    return Path.cwd() if is_installed() else Path(__file__).parent


def is_installed() -> bool:
    """Whether Graft is an installed package, wherever that was put: no checkout has `configs/` in it."""
    package = Path(__file__).parents[1]
    return bool({"site-packages", "dist-packages"} & set(package.parts)) or (package / "configs").is_dir()


def describe_devices() -> dict[str, Any]:
    """Returns the processor, the cores that this process may use, and the GPUs. Imports torch."""
    import torch

    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cuda": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "mps": torch.backends.mps.is_available(),
    }


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None when it fails, is missing, or takes longer than a training should wait for it."""
    # Without optional locks, git writes nothing and gets in nobody's way.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def _versions() -> dict[str, str]:
    """The versions of Graft and of the packages that it names as its own, as far as they are installed."""
    names = ["graft"]
    try:
        names += [re.split(r"[^\w.-]", requirement)[0] for requirement in metadata.requires("graft") or []]
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return {}
    versions = {}
    for name in sorted(set(names)):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_model() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
