"""Weights as safetensors, what is needed to make the network anew, and a script that does it without Graft."""

import json
import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from graft.errors import GraftError
from graft.exporting import inference
from graft.exporting.checking import Runner
from graft.exporting.network import Network, Unstandardised

WEIGHTS = "model.safetensors"
_BACKBONE = "backbone.model."  # where both families have the library's own network
_LAYERS = {"Linear": ("in_features", "out_features"), "Dropout": ("p",), "ReLU": ()}


def rebuilding(network: Network, classes: list[str], kind: str) -> dict[str, Any]:
    """Returns what `config.json` says.

    Raises:
        GraftError: A backbone or head that the script cannot make.
    """
    if network.looks:
        raise GraftError(
            "task.test_time_augmentation is part of this run's predictions, and weights alone would lose it: take"
            " format=onnx or format=torch."
        )
    try:
        made_of = network.backbone.rebuilding()
    except GraftError as error:
        raise GraftError(f"{error} Take format=onnx or format=torch, which hold the network itself.") from error
    reading = network.reading
    values = {"mean": reading.mean.tolist(), "std": reading.std.tolist()} if isinstance(reading, Unstandardised) else {}
    return {"network": made_of, "head": _layers(network.head), "classes": classes, "kind": kind, **values}


def save_rebuildable(network: Network, config: dict[str, Any], folder: Path) -> None:
    """Writes weights, `config.json` and `inference.py`."""
    tensors = {_named(name): value for name, value in network.state_dict().items() if not name.startswith("reading.")}
    save_file({name: value.clone().contiguous() for name, value in tensors.items()}, folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    script = "images" if config["network"]["library"] == "timm" else "texts"
    shutil.copyfile(Path(inference.__path__[0]) / f"{script}.py", folder / "inference.py")


def rebuilt_runner(folder: Path) -> Runner:
    """Makes the network anew by the folder's own script."""
    spec = spec_from_file_location("graft_exported_inference", folder / "inference.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Model(folder)

    def run(batch: dict[str, Tensor]) -> Tensor:
        with torch.inference_mode():
            predictions: Tensor = model(*batch.values())
        return predictions

    return run


def _named(name: str) -> str:
    return f"network.{name.removeprefix(_BACKBONE)}" if name.startswith(_BACKBONE) else name


def _layers(head: nn.Module) -> list[tuple[str, list[Any]]]:
    """Kind and arguments of each layer."""
    layers = list(head) if isinstance(head, nn.Sequential) else [head]
    kinds = [type(layer).__name__ for layer in layers]
    if strange := [kind for kind in kinds if kind not in _LAYERS]:
        raise GraftError(
            f"A head of {strange[0]} is more than weights that a script can load: take format=onnx or format=torch."
        )
    return [(kind, [getattr(layer, name) for name in _LAYERS[kind]]) for kind, layer in zip(kinds, layers, strict=True)]
