import pytest
from omegaconf import OmegaConf

from graft.build import build_backbone, build_strategy, build_task
from graft.data.table import Kind, Targets


@pytest.fixture
def cfg(tiny, graft):
    """The config of a small run."""
    return OmegaConf.load(tiny("trainer.max_epochs=1") / "config.yaml")


@pytest.mark.parametrize(("choice", "weights"), [("balanced", [0.625, 2.5]), ("none", None)])
def test_class_weights_reach_the_loss(cfg, choice, weights):
    cfg.task.class_weights = choice
    backbone = build_backbone(cfg)
    targets = Targets(Kind.SINGLE_LABEL, ["rose", "tulip"], balancing=[0.625, 2.5])
    task = build_task(cfg, backbone, build_strategy(cfg, backbone), targets)
    assert (None if task.class_weights is None else task.class_weights.tolist()) == weights
