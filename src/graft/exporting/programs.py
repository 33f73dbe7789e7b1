"""Torch's own programs (.pt2) and ONNX models, written and run again."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from graft.errors import GraftError
from graft.exporting.checking import Runner
from graft.exporting.examples import Examples
from graft.exporting.network import Network

_ONE_FILE = 1_900_000_000  # bytes; protobuf, which ONNX is written in, ends at 2 GiB
_EXPECTED = (
    ".*No complete tensor found in the group.*",  # torch's archive: tensors that share memory, all of them on the CPU
    ".*LeafSpec.*",  # torch's exporter builds by hand what torch has deprecated
    ".*isinstance.treespec, LeafSpec.*",
)


def traced(network: Network, examples: Examples) -> ExportedProgram:
    """Returns the network as a program for any number of samples and, of texts, of tokens.

    Raises:
        GraftError: Torch cannot follow what the network does.
    """
    batch = Dim("batch")
    longest = getattr(network.backbone.preprocess(train=False), "max_length", None)
    length = Dim("length", max=longest)
    shapes = tuple({0: batch, 1: length} if examples.keys else {0: batch} for _ in examples.names)
    try:
        with torch.no_grad(), _quiet():
            return torch.export.export(
                network, tuple(examples.batches[-1].values()), dynamic_shapes=(shapes,), strict=False
            )
    except Exception as error:  # torch has a dozen kinds
        raise GraftError(
            f"torch.export cannot follow this network: {_first_line(error)} Take format=safetensors or hub, which hold"
            " its weights."
        ) from error


def save_program(program: ExportedProgram, path: Path) -> None:
    """Writes a program that `torch.export.load` reads."""
    with _quiet():
        torch.export.save(program, path)


def program_runner(path: Path) -> Runner:
    """Loads a program."""
    with _quiet():
        module = torch.export.load(path).module()

    def run(batch: dict[str, Tensor]) -> Tensor:
        with torch.inference_mode():
            predictions: Tensor = module(*batch.values())
        return predictions

    return run


def save_onnx(program: ExportedProgram, examples: Examples, output: str, path: Path) -> None:
    """Writes an ONNX model, with the weights in it as far as a file can hold them.

    Args:
        program: Of `traced`.
        examples: Name the inputs.
        output: Name of what comes out.
        path: Of the file; larger weights lie beside.

    Raises:
        GraftError: The extra is not installed, or the network has something that ONNX has not.
    """
    _needs("onnx", "onnxscript", "onnxruntime")
    size = sum(value.numel() * value.element_size() for value in program.state_dict.values())
    try:
        with _quiet():
            torch.onnx.export(
                program,
                (),
                path,
                dynamo=True,
                input_names=list(examples.names),
                output_names=[output],
                external_data=size > _ONE_FILE,
                verbose=False,
            )
    except Exception as error:
        raise GraftError(
            f"The network cannot be written as ONNX: {_first_line(error)} Take format=torch, which has all of torch's"
            " operations."
        ) from error


def onnx_runner(path: Path) -> Runner:
    """Loads an ONNX model into ONNX Runtime, on the CPU."""
    runtime = _needs("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(batch: dict[str, Tensor]) -> Tensor:
        return torch.from_numpy(session.run(None, {name: value.numpy() for name, value in batch.items()})[0])

    return run


def check_onnx_there() -> None:
    """Looks whether the extra is installed, before minutes of work.

    Raises:
        GraftError: It is not.
    """
    _needs("onnx", "onnxscript", "onnxruntime")


def _needs(*names: str) -> Any:
    from importlib import import_module

    try:
        return [import_module(name) for name in names][-1]
    except ImportError as error:
        raise GraftError("format=onnx needs the extra `export`: pip install 'graft[export]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        for message in _EXPECTED:
            warnings.filterwarnings("ignore", message=message)
        yield


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line.rstrip('.')}."
