"""Heads: the new layers on top of a backbone."""

from collections.abc import Sequence

from torch import nn


class Head(nn.Sequential):
    """A linear layer, or a small perceptron when `hidden` names the widths of hidden layers.

    Maps features `(batch, in_features)` to `(batch, out_features)`; dropout comes before every linear layer.
    """

    def __init__(self, in_features: int, out_features: int, hidden: Sequence[int], dropout: float) -> None:
        layers: list[nn.Module] = []
        width = in_features
        for size in hidden:
            layers += [nn.Dropout(dropout), nn.Linear(width, size), nn.ReLU()]
            width = size
        super().__init__(*layers, nn.Dropout(dropout), nn.Linear(width, out_features))
