import logging

import pytest
import timm
import torch
from torch import nn

from graft.backbones.stages import partition, whole
from graft.errors import ConfigError
from graft.strategies import Strategy
from graft.strategies.freezing import set_learning
from graft.strategies.synchronising import synchronise_norms


def strategy(*trains):
    phases = [{"train": train, "epochs": 1, "lr_scale": 1.0, "lr_decay": 1.0} for train in trains]
    return Strategy(name="some", phases=phases, stages=["stem", "block_1", "block_2", "head"])


@pytest.fixture
def lite():
    """A ConvNet whose norms hold their activation; three stages and a head."""
    network, head = timm.create_model("test_efficientnet", num_classes=0), nn.Linear(256, 2)
    names = [name for name, _ in network.named_parameters()]
    lower = [name for name in names if name.startswith(("conv_stem", "bn1"))]
    upper = [name for name in names if name.startswith(("conv_head", "bn2"))]
    middle = [name for name in names if name not in {*lower, *upper}]
    return network, (*partition(network, [lower, middle, upper]), whole("head", head))


def test_what_learns_is_synchronised_and_what_the_network_computes_stays(lite):
    network, stages = lite
    network.eval()
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        before = network(images)
        synchronise_norms(strategy("block_2"), stages, processes=2, device="cuda", asked=True)
        assert torch.equal(network(images), before)  # the activation inside the norm included
    synchronised = [module for module in network.modules() if isinstance(module, nn.SyncBatchNorm)]
    assert synchronised == [network.bn2]
    set_learning(stages, {"block_2": "all"})
    assert network.bn2.training  # the stages still hold the module that runs
    set_learning(stages, {"head": "all"})
    assert not network.bn2.training


def test_a_norm_that_learns_in_a_later_phase_is_synchronised_too(lite):
    network, stages = lite
    synchronise_norms(strategy("head", "all"), stages, processes=2, device="cuda", asked=True)
    assert not [module for module in network.modules() if type(module) is nn.BatchNorm2d]
    assert isinstance(network.bn1, nn.SyncBatchNorm)


def test_several_processes_say_that_each_normalises_by_itself(lite, caplog):
    _, stages = lite
    with caplog.at_level(logging.WARNING):
        synchronise_norms(strategy("all"), stages, processes=2, device="cpu", asked=False)
    assert "trainer.sync_batchnorm=true" in caplog.text


@pytest.mark.parametrize(("trains", "processes"), [("head", 2), ("all", 1)])
def test_nothing_is_said_where_no_norm_learns_or_one_process_trains(lite, caplog, trains, processes):
    _, stages = lite
    synchronise_norms(strategy(trains), stages, processes=processes, device="cpu", asked=False)
    assert caplog.text == ""


def test_processors_cannot(lite):
    _, stages = lite
    with pytest.raises(ConfigError, match="needs GPUs"):
        synchronise_norms(strategy("all"), stages, processes=2, device="cpu", asked=True)
