"""What determines a feature, or an image, beside the sample itself, and a name for all of it."""

import hashlib
import json
import pickle
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from graft.features.own_code import own_code

if TYPE_CHECKING:  # for `graft cache`, which needs no networks
    from graft.backbones import Backbone

Key = Mapping[str, str]
"""By name, everything that a feature, or an image, depends on."""

_ROOMS = ("backbones", "data", "features")  # whose code features and images come out of …
_FILES = ("decoding.py", "kept.py")  # … and that puts them where they belong
_LIBRARIES = ("torch", "torchvision", "timm", "transformers", "tokenizers", "peft", "pillow")
_OF_IMAGES = ("torch", "torchvision", "pillow")  # those that decode and resize
_OF_WEIGHTS = ("weights", "package", "license")  # settings that say whose the weights are; the tensors themselves count

_READABLE = 400  # characters: a tokenizer has a million


def key_of(
    backbone: "Backbone",
    settings: Mapping[str, Any],
    preprocess: Callable[[Any], Any],
    precision: str,
    device: str,
    stage: str,
    source: object,
    makers: Iterable[Any] = (),
) -> Key:
    """Returns what the features of a frozen backbone depend on.

    Args:
        backbone: With the weights that it computes with.
        settings: What it was made from, plain values.
        preprocess: Makes an input of a sample.
        precision: Lightning's name.
        device: Its type, such as `cpu`.
        stage: Behind which.
        source: The datamodule.
        makers: What else makes inputs of samples, as augmentation's transforms.
    """
    made_from = {name: value for name, value in settings.items() if name not in _OF_WEIGHTS}
    return {
        "backbone": json.dumps(made_from, sort_keys=True, default=str),
        "architecture": _digest_of_architecture(backbone),
        "weights": digest_of_tensors(backbone, without=_above(backbone, stage)),
        "preprocessing": identity(preprocess),
        "precision": f"{precision}, matmul {torch.get_float32_matmul_precision()}",
        "device": device,
        "stage": stage,
        "code": _digest_of_code(backbone, preprocess, source, *makers),
        "libraries": _versions(_LIBRARIES),
    }


def key_of_images(pixels: Callable[[Any], Any] | None, source: object) -> Key:
    """Returns what decoded images depend on.

    Args:
        pixels: What each is resized by; None: they are as decoded.
        source: The datamodule.
    """
    return {
        "images": "decoded" if pixels is None else "resized",
        "preprocessing": "none" if pixels is None else identity(pixels),
        "processor": torch.backends.cpu.get_cpu_capability(),  # by which the kernels that resize bytes are chosen
        "code": _digest_of_code(source, *([] if pixels is None else [pixels])),
        "libraries": _versions(_OF_IMAGES),
    }


def name_of(key: Key) -> str:
    """Returns 32 hexadecimal digits that are others for any other key."""
    return hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:32]


def _digest_of_architecture(backbone: "Backbone") -> str:
    text = re.sub(r" at 0x[0-9a-f]+", "", backbone.architecture())  # where an object lies in memory
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_tensors(network: nn.Module, without: Collection[int] = ()) -> str:
    """Returns a hash of all parameters and buffers, also those that no checkpoint holds.

    Args:
        network: With its tensors anywhere.
        without: The `id` of those that do not count.
    """
    digest = hashlib.sha256()
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if id(tensor) not in without and not (tensor.is_meta or is_lazy(tensor)):  # which have no values yet
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _above(backbone: "Backbone", stage: str) -> set[int]:
    """The tensors of the stages above one, by their `id`."""
    names = [known.name for known in backbone.stages]
    above = backbone.stages[names.index(stage) + 1 :]
    found = {id(parameter) for known in above for parameter in known.parameters.values()}
    return found | {
        id(buffer) for known in above for module in known.modules for buffer in module.buffers(recurse=False)
    }


def identity(preprocess: Callable[[Any], Any]) -> str:
    """Returns what tells a preprocessing from all that make other inputs of the same samples."""
    said: str | None = getattr(preprocess, "identity", None)
    if said is None:
        return f"pickled {hashlib.sha256(pickle.dumps(preprocess)).hexdigest()}"
    return said if len(said) < _READABLE else f"identity {hashlib.sha256(said.encode()).hexdigest()}"


def _digest_of_code(*makers: Any) -> str:
    """Of Graft's rooms that features come out of, and of the files that others' functions and classes stand in."""
    digest = hashlib.sha256(_digest_of_rooms())
    for source in own_code(makers):
        digest.update(source)
    return digest.hexdigest()


@cache
def _digest_of_rooms() -> bytes:
    digest = hashlib.sha256()
    here = Path(__file__).parents[1]
    files = [*(here / name for name in _FILES), *(path for room in _ROOMS for path in (here / room).rglob("*.py"))]
    for path in sorted(files):
        digest.update(path.relative_to(here).as_posix().encode() + b"\n" + path.read_bytes())
    return digest.digest()


def _versions(libraries: Iterable[str]) -> str:
    found = []
    for library in libraries:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
