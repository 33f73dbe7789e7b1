import pytest

from graft.backbones import TimmBackbone
from graft.strategies.selection import chosen


@pytest.mark.parametrize("model", ["levit_128s", "repvit_m0_9", "efficientvit_m0", "test_vit", "test_resnet"])
def test_norms_are_scales_and_shifts_alone(model):
    """Some networks have a ConvNorm or LinearNorm that holds a layer and its norm: the layer's are no norm's."""
    options = {"package": None, "drop_path_rate": 0.0, "channels_last": False, "image_size": None, "crop_pct": None}
    backbone = TimmBackbone(model, "none", **options, interpolation=None, mean=None, std=None)
    norms = [value for stage in backbone.stages for value in chosen(stage, "norms").values()]
    assert norms
    assert all(value.ndim == 1 for value in norms)
