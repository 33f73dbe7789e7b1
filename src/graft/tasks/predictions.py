"""What a model said of each sample, gathered from all processes."""

import torch
import torch.distributed as dist
from torch import Tensor


class Predictions:
    """Probabilities, or values, by sample.

    Attributes:
        index: int64 `(n,)`, each sample's row in the datamodule's table, ascending once gathered.
        target: as the batches have them, `(n,)` or `(n, labels or values)`.
        values: float32 `(n, classes, labels or values)`, probabilities or values.
    """

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []
        self.index = torch.empty(0, dtype=torch.int64)
        self.target = torch.empty(0, dtype=torch.int64)
        self.values = torch.empty(0, 0)

    def add(self, index: Tensor, target: Tensor, values: Tensor) -> None:
        """Adds a batch."""
        self._batches.append((index.cpu(), target.cpu(), values.detach().float().cpu()))

    def gather(self) -> None:
        """Brings the batches of all processes together in every process, ordered by sample."""
        batches = self._batches
        if dist.is_available() and dist.is_initialized():
            shares: list[list[tuple[Tensor, Tensor, Tensor]]] = [[] for _ in range(dist.get_world_size())]
            dist.all_gather_object(shares, batches)
            batches = [batch for share in shares for batch in share]
        index, target, values = (torch.cat(parts) for parts in zip(*batches, strict=True))
        order = index.argsort()
        self.index, self.target, self.values = index[order], target[order], values[order]
        self._batches = []
