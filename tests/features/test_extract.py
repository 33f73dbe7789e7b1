from contextlib import nullcontext

import torch
from torch import nn
from torch.utils.data import DataLoader

from graft.backbones import TimmBackbone
from graft.features.extract import extract

CPU = torch.device("cpu")


def backbone_and_loaders(settings):
    backbone = TimmBackbone(**settings("efficientnet_lite0"))  # with batch norm: its mode shows in what comes out
    inputs = torch.rand(5, 3, 64, 64) * 2 - 1
    rows = [{"inputs": image, "index": number} for number, image in enumerate(inputs)]
    shuffled = [rows[number] for number in (3, 0, 4, 1, 2)]
    return backbone, inputs, {"train": DataLoader(shuffled, batch_size=2), "val": DataLoader(rows[:3], batch_size=3)}


def test_features_are_the_backbones_in_eval_mode_in_the_order_of_the_samples(settings):
    backbone, inputs, loaders = backbone_and_loaders(settings)
    features = {split: extract(backbone.train(), loader, CPU, nullcontext) for split, loader in loaders.items()}
    with torch.no_grad():
        wanted = backbone.eval()(inputs)
    assert features["train"].shape == (5, backbone.num_features)
    assert (features["train"] - wanted).abs().max() < 1e-4 * wanted.abs().max()
    assert (features["val"] - wanted[:3]).abs().max() < 1e-4 * wanted.abs().max()


def test_the_backbone_comes_back_as_it_was(settings):
    backbone, _, loaders = backbone_and_loaders(settings)
    backbone.train()
    frozen = next(module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)).eval()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    extract(backbone, loaders["train"], CPU, nullcontext)
    assert [module for module in backbone.modules() if not module.training and isinstance(module, nn.BatchNorm2d)] == [
        frozen
    ]
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_the_precision_is_that_of_the_trainer(settings):
    backbone, _, loaders = backbone_and_loaders(settings)
    entered = []

    def precision():
        entered.append(torch.autocast("cpu", torch.bfloat16))
        return entered[-1]

    features = extract(backbone, loaders["val"], CPU, precision)
    assert len(entered) == 1
    assert features.dtype == torch.float32
    assert torch.equal(features, features.bfloat16().float())
