"""Weights: from where, into what, and nothing executed on the way."""

import hashlib
import importlib.metadata
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from graft.errors import GraftError

log = logging.getLogger(__name__)

RESTORED = "restored"  # as `backbone.weights`: they come from a run's checkpoint, once the network is made

_WRAPPERS = ("state_dict", "model", "model_state_dict", "state_dict_ema")
_CHECKPOINTS = ("best.ckpt", "last.ckpt")
_MERGED = Path("adapter", "backbone.safetensors")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads the tensors of a weights file (.safetensors, or a torch file under `weights_only=True`).

    Raises:
        GraftError: The file is missing, broken, or holds pickled objects other than tensors (which are not executed).
    """
    if not path.is_file():
        raise GraftError(f"No weights file {path}. Write backbone.weights=<file>, or hub, package or none.")
    try:
        if path.suffix == ".safetensors":
            content: object = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights only" in str(error).lower():
            raise GraftError(
                f"{path} holds pickled Python objects beside tensors. Loading them could run any code, so nothing was"
                " loaded. Save the network's state_dict() alone, or convert the file to safetensors."
            ) from error
        raise _broken(path, error) from error
    except Exception as error:  # what is no weights file fails in any way: IndexError, EOFError, BadZipFile, …
        raise _broken(path, error) from error
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise GraftError(f"{path} holds a {type(content).__name__} where a mapping of names to tensors is expected.")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if not tensors:
        raise GraftError(f"{path} holds no tensors.")
    return tensors


def _broken(path: Path, error: Exception) -> GraftError:
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return GraftError(f"{path} is no complete weights file ({path.stat().st_size:,} bytes): {reason[0]}")


def load(network: nn.Module, tensors: Mapping[str, Tensor], source: str, head: tuple[str, ...] = ()) -> None:
    """Copies tensors into a network by name and says which were loaded, missing and unexpected.

    Args:
        network: Takes the tensors in.
        tensors: By their names in the network.
        source: Where they come from, for the messages.
        head: Prefixes of the pretrained head's names: such tensors are left out.

    Raises:
        GraftError: Names or shapes differ outside the head; the network is unchanged then.
    """
    expected = network.state_dict()
    tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    left_out = {name for name in tensors if name not in expected and name.startswith(head)} if head else set()
    missing = [
        name for name in expected if name not in tensors and not name.endswith("num_batches_tracked")
    ]  # that counter came after many weights and steers nothing
    unexpected = [name for name in tensors if name not in expected and name not in left_out]
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    if missing or unexpected or misshapen:
        problems = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
        raise GraftError(
            f"The weights of {source} belong to another architecture than {type(network).__name__}"
            f" ({len(expected)} tensors):\n"
            + "\n".join(f"  {len(names)} {kind}: {_some(names)}" for kind, names in problems.items() if names)
            + "\nChoose the backbone that they were made for (backbone=… or backbone.model=…)."
        )
    network.load_state_dict({name: tensors[name] for name in expected if name in tensors}, strict=False)
    left = f", left out the head: {_some(sorted(left_out))}" if left_out else ""
    log.info("Loaded %d tensors from %s; missing 0, unexpected 0%s", len(expected), source, left)


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def in_order(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Gives tensors the names of a network's own, one by one: for weights whose file has other names, same order.

    Raises:
        GraftError: Number or shapes differ.
    """
    expected = network.state_dict()
    shapes = [tuple(value.shape) for value in expected.values()]
    if shapes != [tuple(value.shape) for value in tensors.values()]:
        raise GraftError(f"The tensors of {source} do not have the number and shapes of {type(network).__name__}'s.")
    return dict(zip(expected, tensors.values(), strict=True))


def package_file(distribution: str, file: str, sha256: str) -> Path:
    """Finds a file of an installed package without importing the package.

    Raises:
        GraftError: The package is not installed, or the file is not the one that was pinned.
    """
    try:
        path = Path(str(importlib.metadata.distribution(distribution).locate_file(file)))
    except importlib.metadata.PackageNotFoundError as error:
        raise GraftError(
            f"The package {distribution}, which carries these weights, is not installed: pip install {distribution}"
        ) from error
    if not path.is_file():
        raise GraftError(f"The package {distribution} is installed without its file {file}: reinstall it.")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise GraftError(f"{path} has SHA-256 {found}, expected {sha256}: it is not the file that was checked.")
    return path


def run_tensors(folder: Path) -> dict[str, Tensor]:
    """Reads the backbone of a finished run, as its best checkpoint holds it, with its adapter, if any, merged into it.

    Raises:
        GraftError: The folder has no checkpoint.
    """
    if (merged := folder / _MERGED).is_file():
        return read_tensors(merged)
    for name in _CHECKPOINTS:
        path = folder / "checkpoints" / name
        if path.is_file():
            prefix = "backbone."
            tensors = read_tensors(path)
            if any(".base_layer." in key for key in tensors):
                raise GraftError(
                    f"{folder} has an adapter that is not merged yet: graft train resume={folder} ends it."
                )
            return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    raise GraftError(f"{folder} holds no checkpoints/{_CHECKPOINTS[0]}: it is no folder of a run that has trained.")
