"""Whether what was exported says what the task says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from graft.errors import GraftError
from graft.exporting.examples import Examples
from graft.tasks import Supervised

TOLERANCE = 1e-4
Runner = Callable[[dict[str, Tensor]], Tensor]
"""Takes inputs by name, returns predictions `(batch, classes)`."""


@dataclass(frozen=True)
class Check:
    """How far the exported network is from the task.

    Attributes:
        largest: Difference of two predictions: of probabilities, or of values over their standard deviation.
        batches: The sizes of the batches that were compared.
        origin: Of their samples.
    """

    largest: float
    batches: list[int]
    origin: str

    def told(self) -> dict[str, Any]:
        """Returns plain values."""
        return {
            "max_difference": self.largest,
            "tolerance": TOLERANCE,
            "batch_sizes": self.batches,
            "samples": self.origin,
        }


def check(task: Supervised, examples: Examples, run: Runner, file: Path) -> Check:
    """Compares predictions of batches of 1 sample and of several.

    Args:
        task: In float32 on the CPU, as `graft predict` uses it.
        examples: Inputs.
        run: The exported network, loaded from its file.
        file: For the message.

    Raises:
        GraftError: They are further apart than `TOLERANCE`.
    """
    unit = getattr(task, "std", torch.tensor(1.0))
    largest, sizes = 0.0, []
    for number, batch in enumerate(examples.batches):
        expected, found = task.said(examples.for_backbone(number)), run(batch)
        if found.shape != expected.shape or not bool(torch.isfinite(found).all()):
            raise GraftError(
                f"{file.name} gives {tuple(found.shape)} with values that are not all finite, or another shape than the"
                f" task's {tuple(expected.shape)}: nothing was exported."
            )
        largest = max(largest, float(((found - expected).abs() / unit).max()))
        sizes.append(len(expected))
    if largest > TOLERANCE:
        raise GraftError(
            f"{file.name} differs from the run's own predictions by up to {largest:.2g}, more than {TOLERANCE:g}, on"
            f" {examples.origin}: nothing was exported. Try another format, and tell Graft's authors of the network."
        )
    return Check(largest, sizes, examples.origin)
