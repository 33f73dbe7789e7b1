import pytest
from torch import nn

from graft.backbones.stages import partition, whole


class Tiny(nn.Module):
    """Three stages: the second has a norm, the third shares nothing."""

    def __init__(self):
        super().__init__()
        self.entry = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.5)
        self.middle = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.top = nn.Linear(4, 4)

    def forward(self, inputs):
        return self.top(self.middle(self.drop(self.entry(inputs))))


@pytest.fixture
def tiny():
    """A network, a head, and the stages of both."""
    network, head = Tiny(), nn.Linear(4, 2)
    names = [name for name, _ in network.named_parameters()]
    groups = [[name for name in names if name.startswith(part)] for part in ("entry", "middle", "top")]
    return network, head, (*partition(network, groups), whole("head", head))
