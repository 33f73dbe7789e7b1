"""Nearest neighbours as a head: training features instead of weights."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

_CHUNK = 1024  # samples compared with the memory at a time
_LEAST = 1e-12  # a share whose logarithm is still a number


class NearestNeighbours(nn.Module):
    """Votes of the k training samples of the largest cosine similarity s, weighted by exp(s / T).

    Source: Wu et al., CVPR 2018, section 3.4; settings of DINO (Caron et al., ICCV 2021): T = 0.07. Maps features
    `(batch, in_features)` to logits `(batch, out_features)` whose softmax are the shares of the votes.

    Args:
        in_features: Width of the features.
        out_features: Number of classes.
        temperature: T.

    Attributes:
        k: Number of neighbours.
    """

    features: Tensor
    classes: Tensor
    weights: Tensor
    neighbours: Tensor

    def __init__(self, in_features: int, out_features: int, temperature: float) -> None:
        super().__init__()
        self._temperature = temperature
        self._out_features = out_features
        self.register_buffer("features", torch.zeros(0, in_features))
        self.register_buffer("classes", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("weights", torch.zeros(0))
        self.register_buffer("neighbours", torch.tensor(1))  # for checkpoints
        self._k = 1  # the same as a number, without which a program of this could not be exported

    @property
    def k(self) -> int:
        """Number of neighbours."""
        return self._k

    @k.setter
    def k(self, value: int) -> None:
        self._k = value
        self.neighbours.fill_(value)

    def memorise(self, features: Tensor, classes: Tensor, weights: Tensor | None) -> None:
        """Takes in training samples: features `(n, in_features)`, classes int64 `(n,)`, weights of votes `(n,)`."""
        device = self.features.device
        self.features = normalize(features.float(), dim=1).to(device)
        self.classes = classes.to(device)
        self.weights = (torch.ones(len(classes)) if weights is None else weights.float()).to(device)

    def forward(self, features: Tensor) -> Tensor:
        """Returns logits."""
        with torch.autocast(features.device.type, enabled=False):  # the order of neighbours hangs on small differences
            similarities = normalize(features.float(), dim=1) @ self.features.T
        return self._shares(similarities, self.k).clamp_min(_LEAST).log()

    def left_out_accuracy(self, k: int) -> float:
        """Returns the share, 0 … 1, of the memory's own samples that the k nearest others classify rightly."""
        right = sum(int((shares.argmax(dim=1) == classes).sum()) for shares, classes in self._left_out(k))
        return right / len(self.features)

    def _left_out(self, k: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.features), _CHUNK):
            own = torch.arange(start, min(start + _CHUNK, len(self.features)), device=self.features.device)
            similarities = self.features[own] @ self.features.T
            similarities[torch.arange(len(own), device=own.device), own] = -torch.inf
            yield self._shares(similarities, k), self.classes[own]

    def _shares(self, similarities: Tensor, k: int) -> Tensor:
        nearest, which = similarities.topk(min(k, similarities.shape[1]), dim=1)
        votes = (nearest / self._temperature).softmax(dim=1) * self.weights[which]
        shares = votes.new_zeros(votes.shape[0], self._out_features).scatter_add_(1, self.classes[which], votes)
        return shares / shares.sum(dim=1, keepdim=True).clamp_min(_LEAST)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Makes room for a memory of any size."""
        for name in ("features", "classes", "weights"):
            if prefix + name in state_dict:
                buffer = getattr(self, name)
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=buffer.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._k = int(self.neighbours)
