"""What a task says of inputs, as one network that nothing of a training is left in."""

from typing import Any, assert_never

import torch
from torch import Tensor, nn

from graft.data.table import Kind
from graft.strategies.adapters import without_adapters
from graft.tasks import Supervised


class Network(nn.Module):
    """Backbone, head, and what makes predictions of the head's outputs.

    Adapters are merged into the layers that they adapt. Where the task looks at a sample in several ways
    (`test_time_augmentation`), so does this.

    Args:
        task: With its trained weights; it stays as it is.
        names: Of the inputs, where the backbone takes a dictionary; none: it takes a tensor.

    Attributes:
        backbone: A copy.
        head: The task's own.
        reading: Makes predictions `(batch, classes)` of the head's outputs.
    """

    def __init__(self, task: Supervised, names: tuple[str, ...]) -> None:
        super().__init__()
        self.backbone = without_adapters(task.backbone)
        self.head = task.head
        self.reading = _reading(task)
        self.looks = tuple(task.test_time_augmentation.values())
        self._names = names
        self.requires_grad_(False)
        self.eval()

    def forward(self, *inputs: Tensor) -> Tensor:
        """Returns probabilities, or values in the unit of the targets, `(batch, classes)`."""
        given: Any = dict(zip(self._names, inputs, strict=True)) if self._names else inputs[0]
        seen = [self.reading(self.head(self.backbone(each))) for each in (given, *(look(given) for look in self.looks))]
        predictions: Tensor = torch.stack(seen).mean(dim=0) if self.looks else seen[0]
        return predictions


class Unstandardised(nn.Module):
    """Brings standardised values back into their unit.

    Attributes:
        mean: Float32 `(values,)`.
        std: Likewise.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    def forward(self, outputs: Tensor) -> Tensor:
        """Returns values of outputs, both `(batch, values)`."""
        return outputs * self.std + self.mean


def _reading(task: Supervised) -> nn.Module:
    match task.kind:
        case Kind.SINGLE_LABEL:
            return nn.Softmax(dim=1)
        case Kind.MULTI_LABEL:
            return nn.Sigmoid()
        case Kind.REGRESSION:
            return Unstandardised(task.mean, task.std)  # type: ignore[arg-type] # buffers of that kind of task
        case _:
            assert_never(task.kind)
