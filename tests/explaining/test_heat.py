"""Heat maps of networks of which one knows where they look."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from graft.backbones.base import Backbone
from graft.backbones.stages import partition
from graft.backbones.timm import TimmBackbone
from graft.errors import GraftError
from graft.explaining.grids import Layout
from graft.explaining.heat import GradCam
from graft.explaining.order import in_order


@pytest.mark.parametrize(
    ("order", "layout"),
    [
        ("channels_first", Layout("channels_first", 8, 8)),
        ("channels_last", Layout("channels_last", 8, 8)),
        ("tokens", Layout("tokens", 8, 8)),
        ("class token", Layout("tokens", 8, 8, extra=1)),  # of the block before the last, of which no place counts
    ],
)
def test_the_map_is_where_the_network_looks(looking, asked, order, layout):
    task = asked(looking(order))
    images, targets = torch.randn(3, 3, 32, 32), torch.tensor([0, 0, 0])
    method = GradCam(task, images, targets)
    assert (method.place.stage, method.place.layout) == ("block_1", layout)
    heat = method(images, targets)
    assert heat.shape == (3, 8, 8)
    assert (heat[:, :4, 4:].sum(dim=(1, 2)) > 0.999 * heat.sum(dim=(1, 2))).all()
    assert not method(images, torch.tensor([1, 1, 1])).any()  # nothing speaks for the other class


def test_the_map_is_that_of_the_paper(looking, asked):
    """Equations 1 and 2 for a network whose features are means over places: sum of w_k A_k over the number of them."""
    backbone = looking("channels_first")
    task, images = asked(backbone), torch.randn(2, 3, 32, 32)
    found = GradCam(task, images, torch.tensor([0, 0]))(images, torch.tensor([0, 0]))
    activation = backbone.blind(backbone.stem(images).abs())
    expected = (task.head.weight[0][:, None, None] * activation).sum(dim=1).relu() / 64
    assert torch.allclose(found, expected.detach(), atol=1e-6)


@pytest.mark.parametrize(
    ("model", "stage", "layout"),
    [
        ("test_vit", "block_5", Layout("tokens", 4, 4, extra=1)),
        ("test_efficientnet", "block_5", Layout("channels_first", 2, 2)),
        ("test_mambaout", "block_4", Layout("channels_last", 2, 2)),
    ],
)
def test_the_stage_is_found_in_networks_of_timm(settings, asked, model, stage, layout):
    task = asked(TimmBackbone(**settings(model=model, weights="none", image_size=64)))
    images = torch.randn(2, 3, 64, 64)
    place = GradCam(task, images, torch.tensor([0, 1])).place
    assert (place.stage, place.layout) == (stage, layout)


def patches(count, generator):
    """Noise with a bright patch in one corner, which is the class's colour; images, classes, corners."""
    classes, corners = (torch.randint(most, (count,), generator=generator) for most in (2, 4))
    images = torch.randn(count, 3, 64, 64, generator=generator) / 2
    images[range(count), classes] += 2 * torch.kron(
        functional.one_hot(corners, 4).view(-1, 2, 2), torch.ones(1, 32, 32)
    )
    return images, classes, corners


def test_the_map_of_a_trained_vit_is_where_the_patch_is_that_decides(settings, asked):
    """Not where classes lie in general: each corner has patches of both."""
    torch.manual_seed(0)
    task = asked(TimmBackbone(**settings(model="test_vit", weights="none", image_size=64)))
    learning = torch.optim.AdamW([*task.backbone.parameters(), *task.head.parameters()], lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        images, classes, _ = patches(16, generator)
        learning.zero_grad()
        functional.cross_entropy(task.head(task.backbone(images)), classes).backward()
        learning.step()
    images, classes, corners = patches(32, generator)
    assert torch.equal(task.head(task.backbone(images)).argmax(dim=1), classes), "else it has not learnt"
    heat = functional.avg_pool2d(GradCam(task, images, classes)(images, classes), 2).flatten(1)
    assert torch.equal(heat.argmax(dim=1), corners)
    assert (heat.gather(1, corners[:, None]).squeeze(1) > heat.sum(dim=1) / 2).all()


def test_tokens_in_another_order_are_no_grid(looking):
    backbone = looking("tokens")
    backbone.blind.mask.fill_(1)
    asked = [(backbone.blind, Layout("tokens", 8, 8))]
    images = torch.randn(2, 3, 32, 32)
    assert in_order(backbone, images, asked) == [True]
    turned = torch.arange(64).view(8, 8).T.flatten()
    backbone.blind.register_forward_hook(lambda module, given, output: output[:, turned])
    assert in_order(backbone, images, asked) == [False]


def test_a_network_without_places_is_told(asked):
    class Flat(Backbone):
        def __init__(self):
            super().__init__()
            self.layer, self.num_features = nn.Linear(3 * 64, 5), 5
            self.stages = partition(self, [["layer.weight", "layer.bias"]])

        def forward(self, inputs):
            return self.layer(inputs.flatten(1))

        def preprocess(self, train):
            return lambda sample: sample

    images = torch.randn(2, 3, 8, 8)
    with pytest.raises(GraftError, match="of this Flat none has them: stem"):
        GradCam(asked(Flat()), images, torch.tensor([0, 1]))
