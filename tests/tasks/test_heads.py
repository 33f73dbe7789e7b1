import torch
from torch import nn

from graft.tasks import Head


def test_a_head_is_linear_unless_it_has_hidden_layers():
    linear = Head(8, 3, hidden=[], dropout=0.0)
    assert [type(layer) for layer in linear] == [nn.Dropout, nn.Linear]
    deep = Head(8, 3, hidden=[5, 4], dropout=0.0)
    widths = [(layer.in_features, layer.out_features) for layer in deep if isinstance(layer, nn.Linear)]
    assert widths == [(8, 5), (5, 4), (4, 3)]
    assert deep(torch.randn(2, 8)).shape == (2, 3)


def test_dropout_acts_in_training_only():
    head = Head(64, 3, hidden=[], dropout=0.5)
    features = torch.randn(4, 64)
    assert not torch.equal(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))
