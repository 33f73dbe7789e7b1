import time

import pytest
import torch

from graft.backbones import TimmBackbone
from graft.errors import ConfigError, GraftError

IMAGE = torch.arange(3 * 90 * 120).remainder(256).to(torch.uint8).reshape(3, 90, 120)


@pytest.mark.parametrize("name", ["resnet18", "vit_small", "mobilenetv3", "efficientnet_lite0"])
def test_features_and_boundaries_have_the_promised_shapes(settings, name):
    backbone = TimmBackbone(**settings(name, weights="none")).eval()
    inputs = backbone.preprocess(train=False)(IMAGE)[None].repeat(2, 1, 1, 1)
    with torch.no_grad():
        features = backbone(inputs)
        assert features.shape == (2, backbone.num_features)
        assert torch.equal(backbone.forward_to(backbone.stages[-1].name, inputs), features)
        assert backbone.forward_to("stem", inputs).shape[0] == 2


@pytest.mark.parametrize("name", ["resnet18", "vit_small", "convnext_tiny", "efficientnet_lite0"])
def test_stages_hold_every_parameter_once_and_run_from_stem_to_last_block(settings, name):
    backbone = TimmBackbone(**settings(name, weights="none"))
    held = [parameter for stage in backbone.stages for parameter in stage.parameters.values()]
    assert {id(parameter) for parameter in held} == {id(parameter) for parameter in backbone.parameters()}
    assert len(held) == len(list(backbone.parameters()))
    names = [stage.name for stage in backbone.stages]
    assert names == ["stem", *(f"block_{number}" for number in range(1, len(names)))]
    modules = [id(module) for stage in backbone.stages for module in stage.modules]
    assert len(modules) == len(set(modules))
    leaves = {id(module) for module in backbone.modules() if not list(module.children())}
    assert leaves <= set(modules)


def test_a_boundary_is_what_the_next_stage_takes_in(settings):
    backbone = TimmBackbone(**settings("resnet18", weights="none", channels_last=False)).eval()
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        stem = backbone.model.maxpool(backbone.model.act1(backbone.model.bn1(backbone.model.conv1(inputs))))
        assert torch.equal(backbone.forward_to("stem", inputs), stem)
        assert torch.equal(backbone.forward_to("block_1", inputs), backbone.model.layer1(stem))


def test_an_unknown_stage_is_answered_with_the_stages(settings):
    backbone = TimmBackbone(**settings("resnet18", weights="none"))
    with pytest.raises(GraftError, match="Did you mean 'block_1'"):
        backbone.forward_to("blok_1", torch.zeros(1, 3, 32, 32))


def test_preprocessing_follows_the_weights_and_the_overrides(settings):
    lite = TimmBackbone(**settings("efficientnet_lite0", weights="none"))
    white = torch.full((3, 300, 300), 255, dtype=torch.uint8)
    assert torch.allclose(lite.preprocess(train=False)(white), torch.ones(3, 224, 224))  # mean = std = 0.5
    inception = TimmBackbone(**settings("timm", model="inception_v3", weights="none"))
    assert inception.preprocess(train=False)(white).shape == (3, 299, 299)
    larger = TimmBackbone(**settings("resnet18", weights="none", image_size=96, crop_pct=1.0))
    assert larger.preprocess(train=False)(white).shape == (3, 96, 96)


def test_the_border_is_cropped_as_crop_pct_says(settings):
    framed = torch.zeros(3, 100, 100, dtype=torch.uint8)
    framed[:, :4], framed[:, :, :4] = 255, 255
    whole = TimmBackbone(**settings("resnet18", weights="none", image_size=64, crop_pct=1.0)).preprocess(train=False)(
        framed
    )
    centre = TimmBackbone(**settings("resnet18", weights="none", image_size=64, crop_pct=0.8)).preprocess(train=False)(
        framed
    )
    assert whole[0, 0, 0] > 1
    assert centre[0, 0, 0] < 0


def test_a_vit_takes_another_image_size(settings):
    backbone = TimmBackbone(**settings("vit_small", weights="none", image_size=64)).eval()
    with torch.no_grad():
        assert backbone(backbone.preprocess(train=False)(IMAGE)[None]).shape == (1, 384)


def test_grey_networks_get_one_channel(settings):
    backbone = TimmBackbone(**settings("resnet18", weights="none", mean=[0.5], std=[0.5]))
    assert backbone.preprocess(train=False)(IMAGE).shape[0] == 1


def test_an_unknown_model_is_answered_with_near_names(settings):
    with pytest.raises(ConfigError, match="Did you mean 'resnet18'"):
        TimmBackbone(**settings(model="resnet81"))


def test_stochastic_depth_is_refused_where_there_is_none(settings):
    with pytest.raises(ConfigError, match="drop_path_rate"):
        TimmBackbone(**settings("vgg16", weights="none", drop_path_rate=0.1))


def test_without_network_the_hub_is_given_up_within_seconds(settings, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(GraftError, match=r"model\.safetensors of .*timm/resnet18.*backbone\.weights=<that file>"):
        TimmBackbone(**settings("resnet18"))
    assert time.monotonic() - start < 60  # the library's own retries take half a minute and more


def test_real_imagenet_weights_see_real_things(settings):
    """The package's weights, unlike random ones, tell a defective solar cell from a functional one."""
    backbone = TimmBackbone(**settings("efficientnet_lite0"))
    state = backbone.state_dict()
    assert state["model.conv_stem.weight"].std() > 0.1
    assert state["model.bn1.running_var"].unique().numel() > 10  # statistics of real images, not the initial ones


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop_pct": 0.0}, "crop_pct must lie in"),
        ({"drop_path_rate": 1.0}, "drop_path_rate must lie in"),
        ({"mean": []}, "backbone.mean has 0 values"),
        ({"std": [0.5]}, "backbone.std has 1 value:"),
        ({"std": [0.2, 0.0, 0.2]}, "backbone.std must be positive"),
    ],
)
def test_values_out_of_range_are_no_defaults(settings, changes, message):
    with pytest.raises(ConfigError, match=message):
        TimmBackbone(**settings("resnet18", weights="none", **changes))
