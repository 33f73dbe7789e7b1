"""Adapters in real networks of timm and transformers: what they add, what they leave alone, what is saved of them."""

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from timm.layers import StdConv2d
from torch import nn

from graft.backbones import TimmBackbone
from graft.backbones.stages import partition
from graft.backbones.transformers import TransformersBackbone
from graft.errors import ConfigError, GraftError
from graft.strategies.adapters import IA3, LoRA, load_adapter, merged, save_adapter
from graft.strategies.freezing import set_learning
from graft.strategies.groups import parameter_groups, undecayed

ADAPTERS = {
    "lora": lambda: LoRA(rank=2, alpha=4.0, dropout=0.0, weight_decomposed=False, targets=None),
    "dora": lambda: LoRA(rank=2, alpha=4.0, dropout=0.0, weight_decomposed=True, targets=None),
    "ia3": lambda: IA3(targets=None, feedforward=None),
}
NETWORKS = ["test_vit", "test_efficientnet", "resnet10t", "bert"]


@pytest.fixture
def make(settings, small_bert):
    def backbone(name):
        torch.manual_seed(0)
        if name == "bert":
            own = {"model": str(small_bert), "weights": "hub", "package": None, "max_length": None, "dropout": 0.0}
            return TransformersBackbone(**own, pooling="mean")
        size = {"image_size": 32} if name == "test_vit" else {}
        return TimmBackbone(**settings(model=name, weights="none", **size))

    return backbone


def inputs_of(name, samples=6):
    generator = torch.Generator().manual_seed(1)
    if name == "bert":
        ids = torch.randint(5, 50, (samples, 9), generator=generator)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return torch.randn(samples, 3, 32, 32, generator=generator)


def train(backbone, head, inputs, steps=5):
    learning = {stage.name: "adapter" for stage in backbone.stages}
    set_learning(backbone.stages, learning)
    scales = {stage.name: 1.0 for stage in backbone.stages}
    optimizer = torch.optim.AdamW(parameter_groups(backbone.stages, scales, 0.05, 0.1, undecayed(backbone.stages)))
    for _ in range(steps):
        optimizer.zero_grad()
        head(backbone(inputs)).logsumexp(dim=1).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_changes_at_the_start_and_only_the_adapter_learns(make, name, adapter):
    backbone, inputs = make(name).eval(), inputs_of(name)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    features = backbone(inputs).detach()
    ADAPTERS[adapter]().apply(backbone)
    assert torch.allclose(backbone.eval()(inputs), features, atol=1e-6)
    held = [value for stage in backbone.stages for value in stage.parameters.values()]
    assert sorted(map(id, held)) == sorted(map(id, backbone.parameters()))
    head = nn.Linear(backbone.num_features, 2)
    train(backbone, head, inputs)
    after = {key.replace(".base_layer", ""): value for key, value in backbone.state_dict().items()}
    assert all(torch.equal(value, after[key]) for key, value in before.items())  # running statistics among them
    assert not torch.allclose(backbone.eval()(inputs), features, atol=1e-4)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_merged_it_is_the_plain_network_and_saved_alone_it_comes_back(make, name, adapter, tmp_path):
    backbone, inputs = make(name), inputs_of(name)
    ADAPTERS[adapter]().apply(backbone)
    head = nn.Linear(backbone.num_features, 2)
    train(backbone, head, inputs)
    logits = head(backbone.eval()(inputs)).detach()

    plain = make(name)
    plain.load_state_dict(merged(backbone))
    difference = (head(plain.eval()(inputs)) - logits).detach().abs().max()
    assert difference <= 1e-5 * max(1.0, float(logits.abs().max()))
    assert torch.equal(head(backbone(inputs)), logits)  # the adapter itself is as it was

    save_adapter(backbone, head, tmp_path, alone=True)
    assert all("lora_" in key or "ia3_" in key for key in load_file(tmp_path / "adapter_model.safetensors"))
    fresh, fresh_head = make(name), nn.Linear(backbone.num_features, 2)
    ADAPTERS[adapter]().apply(fresh)
    load_adapter(fresh, fresh_head, tmp_path)
    assert torch.allclose(fresh_head(fresh.eval()(inputs)), logits, atol=1e-6)
    by_peft = PeftModel.from_pretrained(make(name), tmp_path).base_model.model
    assert torch.allclose(fresh_head(by_peft.eval()(inputs)), logits, atol=1e-6)


def test_it_has_as_many_parameters_as_the_formula(make):
    backbone = make("test_vit")
    linear = [module for module in backbone.modules() if isinstance(module, nn.Linear)]
    convs = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    LoRA(rank=3, alpha=3.0, dropout=0.0, weight_decomposed=False, targets=None).apply(backbone)
    wanted = sum(3 * (layer.in_features + layer.out_features) for layer in linear)
    wanted += sum(3 * (layer.weight[0].numel() + layer.out_channels) for layer in convs)
    assert sum(value.numel() for name, value in backbone.named_parameters() if ".lora_" in name) == wanted


def test_targets_that_cannot_be_are_refused_and_what_could_be_is_listed(make):
    with pytest.raises(ConfigError, match=r"qvk matches no layer.*attn\.qkv"):
        LoRA(rank=2, alpha=4.0, dropout=0.0, weight_decomposed=False, targets="qvk").apply(make("test_vit"))
    with pytest.raises(ConfigError, match="depthwise"):
        LoRA(rank=2, alpha=4.0, dropout=0.0, weight_decomposed=False, targets="conv_dw").apply(
            make("test_efficientnet")
        )
    with pytest.raises(ConfigError, match="rank must be at least 1"):
        LoRA(rank=0, alpha=4.0, dropout=0.0, weight_decomposed=False, targets=None)
    with pytest.raises(ConfigError, match="feedforward=fc9 matches none"):
        IA3(targets="qkv", feedforward="fc9").apply(make("test_vit"))


def test_layers_that_change_their_own_weights_are_left_out(make):
    """Merged into a weight-standardised convolution, the change would be standardised with it."""
    backbone = make("test_vit")
    backbone.model.patch_embed.proj = StdConv2d(3, 64, kernel_size=16, stride=16)
    backbone.stages = partition(backbone, [[name for name, _ in backbone.named_parameters()]])
    ADAPTERS["lora"]().apply(backbone)
    assert not any("patch_embed" in name for name, _ in backbone.named_parameters() if ".lora_" in name)


def test_another_adapter_is_not_loaded(make, tmp_path):
    backbone = make("test_vit")
    LoRA(rank=2, alpha=4.0, dropout=0.0, weight_decomposed=False, targets="qkv").apply(backbone)
    head = nn.Linear(backbone.num_features, 2)
    save_adapter(backbone, head, tmp_path, alone=True)
    other = make("test_vit")
    LoRA(rank=2, alpha=4.0, dropout=0.0, weight_decomposed=False, targets=None).apply(other)
    with pytest.raises(GraftError, match="not the same one"):
        load_adapter(other, head, tmp_path)


@pytest.mark.parametrize(("adapter", "kind"), [("ia3", ".ia3_"), ("dora", ".lora_magnitude_vector")])
def test_factors_are_not_decayed(make, adapter, kind):
    backbone = make("resnet10t")
    ADAPTERS[adapter]().apply(backbone)
    scales = {stage.name: 1.0 for stage in backbone.stages}
    factors = {id(value) for name, value in backbone.named_parameters() if kind in name}
    decayed = {
        id(value)
        for group in parameter_groups(backbone.stages, scales, 0.1, 0.1, undecayed(backbone.stages))
        if group["weight_decay"]
        for value in group["params"]
    }
    assert factors
    assert not factors & decayed
