"""Devices, and the arithmetic that they are fast in."""

import os
import shutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from graft.checkup.finding import Finding, fine, warning, wrong
from graft.errors import many
from graft.runs.environment import describe_devices

_GPU = ("gpu", "cuda")


def devices(accelerator: str, count: Any) -> Iterator[Finding]:
    """Yields the processor, the GPUs, and whether there are those that the trainer is to use.

    Args:
        accelerator: `trainer.accelerator`.
        count: `trainer.devices`: a number, a list of numbers, or `auto`.
    """
    import torch

    found = describe_devices()
    yield fine("CPU", f"{found['cpu']}, {many(found['cores'], 'core')}, {many(torch.get_num_threads(), 'thread')}")
    gpus = found["cuda"]
    if gpus:
        yield fine("CUDA", f"{torch.version.cuda}: {', '.join(gpus)}")
    elif accelerator in _GPU:
        yield wrong("CUDA", f"no GPU, but trainer.accelerator={accelerator}", _why_no_gpu(torch))
    elif shutil.which("nvidia-smi"):
        yield warning("CUDA", "there is a driver, but torch sees no GPU", _why_no_gpu(torch))
    else:
        yield fine("CUDA", f"no GPU (torch is built for {torch.version.cuda or 'CPUs only'})")
    if found["mps"]:
        yield fine("MPS", "Apple's GPU")
    elif accelerator == "mps":
        yield wrong(
            "MPS", "not available, but trainer.accelerator=mps", "take trainer=auto, or a Mac with its own chip"
        )
    wanted = len(count) if isinstance(count, list | tuple) else count
    if gpus and accelerator in (*_GPU, "auto") and isinstance(wanted, int) and wanted > len(gpus):
        yield wrong(
            "devices", f"trainer.devices={count}, but there are {len(gpus)} GPUs", "ask for as many as there are"
        )


def precision(asked: str, auto: str) -> Iterator[Finding]:
    """Yields what the device computes fast in.

    Args:
        asked: `trainer.precision`.
        auto: What `trainer.precision=auto` means on this machine.
    """
    fast = auto.startswith("bf16")
    yield fine("precision", "float32 and bf16, both natively" if fast else "float32; bf16 would be emulated")
    yield fine("trainer.precision=auto", f"takes {auto}")
    if asked.startswith("bf16") and not fast:
        yield warning("trainer.precision", f"{asked} is emulated here, and slow", "take trainer.precision=auto")


def _why_no_gpu(torch: ModuleType) -> str:
    if torch.version.cuda is None:
        return "this torch is built without CUDA: install the wheel for it, see pytorch.org"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides them: unset it"
    return f"look at nvidia-smi; torch needs a driver for CUDA {torch.version.cuda}. Without a GPU: trainer=cpu"
