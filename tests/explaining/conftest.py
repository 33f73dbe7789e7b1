from types import SimpleNamespace

import pytest
import torch
from torch import nn

from graft.backbones.base import Backbone
from graft.backbones.stages import partition
from graft.data.table import Kind


class Blind(nn.Module):
    """A stage that hands on one quarter of a grid only, and the others as zeros, in some order of the dimensions."""

    def __init__(self, order):
        super().__init__()
        self.order = order
        self.scale = nn.Parameter(torch.ones(1))
        mask = torch.zeros(8, 8)
        mask[:4, 4:] = 1  # above and to the right: flipped or turned, it would be another one
        self.register_buffer("mask", mask)

    def forward(self, grid):
        seen = self.scale * grid * self.mask
        if self.order == "channels_last":
            return seen.permute(0, 2, 3, 1)
        tokens = seen.flatten(2).transpose(1, 2)
        extra = {"tokens": 0, "class token": 1}.get(self.order)
        return seen if extra is None else torch.cat([torch.zeros_like(tokens[:, :extra]), tokens], dim=1)


class Gathering(nn.Module):
    """A last block as transformers have it: its class token takes from all others, which it hands on."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, tokens):
        return torch.cat([self.scale * tokens.mean(dim=1, keepdim=True), tokens[:, 1:]], dim=1)


class Looking(Backbone):
    """Looks at a quarter of the image: only there can anything speak for a class."""

    def __init__(self, order):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 4, stride=4)
        self.blind = Blind(order)
        self.gathering = Gathering() if order == "class token" else None
        self.num_features = 6
        stages = [["stem.weight", "stem.bias"], ["blind.scale"]]
        self.stages = partition(self, stages + ([["gathering.scale"]] if self.gathering else []))

    def forward(self, inputs):
        seen = self.blind(self.stem(inputs).abs())
        if self.gathering is not None:
            return self.gathering(seen)[:, 0]
        over = {"channels_first": (2, 3), "channels_last": (1, 2), "tokens": (1,)}[self.blind.order]
        return seen.mean(dim=over)

    def preprocess(self, train):
        return lambda sample: sample


@pytest.fixture
def asked():
    """Makes of a backbone what is asked for explanations."""

    def make(backbone, outputs=2):
        torch.manual_seed(0)
        head = nn.Linear(backbone.num_features, outputs)
        with torch.no_grad():
            head.weight[0].abs_()  # every channel speaks for the first class, and against the second
            head.weight[1].copy_(-head.weight[0])
        return SimpleNamespace(backbone=backbone.eval(), head=head, kind=Kind.SINGLE_LABEL)

    return make


@pytest.fixture
def looking():
    def make(order):
        torch.manual_seed(0)
        return Looking(order)

    return make
