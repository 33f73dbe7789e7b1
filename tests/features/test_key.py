import functools
import importlib
import sys
import types
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from graft.backbones import TimmBackbone
from graft.backbones.images import ImagePreprocessing
from graft.features import key
from graft.features.key import key_of, name_of


@pytest.fixture
def made(settings):
    torch.manual_seed(0)
    own = settings("timm", model="test_resnet", weights="none", image_size=32)
    return TimmBackbone(**own), own


def name(backbone, own, preprocess=None, precision="32-true", device="cpu", stage="block_4", source=None, makers=()):
    preprocess = preprocess or backbone.preprocess(False)
    return name_of(key_of(backbone, own, preprocess, precision, device, stage, source, makers))


def test_what_changes_no_feature_changes_no_key(made):
    backbone, own = made
    before = name(backbone, own)
    assert name(backbone.train(), own) == before
    assert name(backbone.to(memory_format=torch.channels_last), own) == before
    assert name(backbone, own | {"weights": "some/run", "package": {"file": "x"}}) == before  # the tensors count


@pytest.mark.parametrize(
    "tensor", ["model.conv1.0.weight", "model.layer4.0.bn2.bias", "model.layer4.0.bn2.running_var"]
)
def test_one_weight_changes_it(made, tensor):
    backbone, own = made
    before = name(backbone, own)
    with torch.no_grad():
        value = backbone.state_dict()[tensor]
        value[(-1,) * value.ndim] += 1e-6
    assert name(backbone, own) != before


def test_a_buffer_that_no_checkpoint_holds_changes_it(made):
    backbone, own = made
    backbone.register_buffer("frequencies", torch.ones(2), persistent=False)
    before = name(backbone, own)
    backbone.frequencies[1] = 2
    assert name(backbone, own) != before


@pytest.mark.parametrize(
    "changed",
    [
        {"size": 33},
        {"crop_pct": 0.9},
        {"interpolation": "bilinear"},
        {"mean": (0.5, 0.5, 0.5)},
        {"std": (0.5, 0.5, 0.51)},
    ],
)
def test_one_argument_of_the_preprocessing_changes_it(made, changed):
    backbone, own = made
    usual = ImagePreprocessing(32, 0.95, "bicubic", (0.4, 0.4, 0.4), (0.2, 0.2, 0.2))
    assert name(backbone, own, usual) == name(backbone, own, replace(usual))
    assert name(backbone, own, usual) != name(backbone, own, replace(usual, **changed))


@dataclass
class Shifted:
    """A preprocessing of a user's own, without an identity."""

    by: float

    def __call__(self, sample):
        return sample + self.by


def test_a_preprocessing_without_an_identity_counts_by_what_it_holds(made):
    backbone, own = made
    assert name(backbone, own, Shifted(1.0)) == name(backbone, own, Shifted(1.0))
    assert name(backbone, own, Shifted(1.0)) != name(backbone, own, Shifted(1.5))


def test_precision_device_settings_and_versions_change_it(made, monkeypatch):
    backbone, own = made
    before = name(backbone, own)
    others = [
        name(backbone, own, precision="bf16-mixed"),
        name(backbone, own, device="cuda"),
        name(backbone, own, stage="block_3"),
        name(backbone, own | {"pooling": "cls"}),
    ]
    monkeypatch.setattr(key, "_versions", lambda libraries: "torch 99.0")
    assert len({before, *others, name(backbone, own)}) == 6


@pytest.mark.parametrize("change", [{"act1": nn.Tanh()}, {"maxpool": nn.AvgPool2d(3, 2, 1)}])
def test_another_computation_with_the_same_weights_changes_it(made, change):
    backbone, own = made
    before = name(backbone, own)
    for module, other in change.items():
        setattr(backbone.model, module, other)
    assert name(backbone, own) != before


def test_a_text_networks_own_configuration_changes_it(small_bert, settings):
    from graft.backbones.transformers import TransformersBackbone

    own = {"model": str(small_bert), "weights": "none", "package": None, "pooling": "mean", "dropout": None}
    backbone = TransformersBackbone(**own, max_length=16)
    names = [name(backbone, own, stage="block_2")]
    backbone.model.config.layer_norm_eps = 1e-3
    assert name(backbone, own, stage="block_2") not in names


@pytest.mark.parametrize("model", ["test_vit", "test_resnet", "test_convnext", "test_efficientnet"])
def test_two_of_the_same_have_the_same_key(settings, model):
    own = settings("timm", model=model, weights="none")
    names = []
    for _ in range(2):
        torch.manual_seed(0)
        backbone = TimmBackbone(**own)
        names.append(name(backbone, own, stage=backbone.stages[-1].name))
    assert names[0] == names[1]


def test_a_line_of_code_that_computes_features_changes_it(made, monkeypatch, tmp_path):
    backbone, own = made
    room = tmp_path / "graft" / "backbones" / "net.py"
    room.parent.mkdir(parents=True)
    (tmp_path / "graft" / "features").mkdir()
    for file in key._FILES:
        (tmp_path / "graft" / file).touch()
    monkeypatch.setattr(key, "__file__", str(tmp_path / "graft" / "features" / "key.py"))
    names = []
    for source in ("x = 1", "x = 2"):
        room.write_text(source)
        key._digest_of_rooms.cache_clear()
        names.append(name(backbone, own))
    key._digest_of_rooms.cache_clear()
    assert names[0] != names[1]


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """Imports a user's module, which uses others; `line`: what one of them has."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "base.py").write_text("class Base:\n    pass\n")
    (tmp_path / "ours.py").write_text(
        "from package.base import Base as B\nfrom torch import nn\n\nclass Net(nn.Module):\n    pass\n\n"
        "class Source(B):\n    def load(self):\n        from package import late\n        return late.value()\n\n"
        "def change(x):\n    from consts import SIZE\n    return x + SIZE\n\ndel B\n"
    )

    def load(file, line):
        for name in ("consts", "package/late", "package/base"):
            kept = {"package/base": "class Base:\n    pass\n"}.get(name, "SIZE = 1\n")
            (tmp_path / f"{name}.py").write_text(kept + (line if name == file else ""))
        for module in MODULES:
            sys.modules.pop(module, None)
        importlib.invalidate_caches()
        for module in MODULES:
            importlib.import_module(module)
        return sys.modules["ours"]

    yield load
    for module in MODULES:
        sys.modules.pop(module, None)


MODULES = ("ours", "consts", "package", "package.late", "package.base")
WRAPPED = {
    "as it is": lambda made: made,
    "in a partial": functools.partial,
    "in a transform": lambda made: v2.RandomApply([v2.Lambda(made)]),
    "in a list of an object": lambda made: types.SimpleNamespace(steps=[made]),
}


@pytest.mark.parametrize("file", ["consts", "package/late", "package/base"])
@pytest.mark.parametrize("of", ["network", "source", *WRAPPED])
def test_code_of_a_users_own_and_what_it_uses_count(made, own_code, of, file):
    backbone, own = made
    names = []
    for line in ("", "", "SIZE = 2\n"):
        ours = own_code(file, line)
        given = {"makers": [WRAPPED[of](ours.change)]} if of in WRAPPED else {}
        backbone.part = ours.Net() if of == "network" else None
        names.append(name(backbone, own, source=ours.Source() if of == "source" else None, **given))
    assert names[0] == names[1] != names[2]


def test_who_edits_code_that_runs_does_not_change_what_it_made(made, own_code, tmp_path):
    backbone, own = made
    source = own_code("consts", "").Source()
    before = name(backbone, own, source=source)
    (tmp_path / "ours.py").write_text((tmp_path / "ours.py").read_text() + "\nMORE = 1\n")
    assert name(backbone, own, source=source) == before
    assert name(backbone, own, source=own_code("consts", "").Source()) != before


def test_another_tokenizer_or_length_is_another_preprocessing(small_bert, settings):
    from transformers import AutoTokenizer

    from graft.backbones.tokens import Tokenization

    def tokenizer():
        return AutoTokenizer.from_pretrained(small_bert)

    usual, again = Tokenization(tokenizer(), 16), Tokenization(tokenizer(), 16)
    again.tokenizer(["the film", "the film was great"], padding=True, truncation=True, max_length=4)
    assert usual.identity == again.identity
    assert usual.identity != Tokenization(tokenizer(), 17).identity
    left = tokenizer()
    left.padding_side = "left"
    assert usual.identity != Tokenization(left, 16).identity


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("truncation_side", "left"),
        ("split_special_tokens", True),
        ("model_input_names", ["input_ids"]),
        ("__class__", None),
    ],
)
def test_what_a_tokenizer_does_outside_its_backend_is_part_of_it(small_bert, name, value):
    from transformers import AutoTokenizer

    from graft.backbones.tokens import Tokenization

    usual, other = (AutoTokenizer.from_pretrained(small_bert) for _ in range(2))
    setattr(other, name, type("Own", (type(other),), {}) if name == "__class__" else value)
    said, text = [Tokenization(each, 6) for each in (usual, other)], "the [SEP] film was very bad"
    assert said[0].identity != said[1].identity
    inputs = [each.collate([each(text)]) for each in said]  # for they differ indeed, save for the class
    assert (name == "__class__") == (repr(inputs[0]) == repr(inputs[1]))


def test_tokens_of_its_own_are_part_of_a_tokenizer(small_bert):
    from transformers import AutoTokenizer

    from graft.backbones.tokens import Tokenization

    usual, other = (AutoTokenizer.from_pretrained(small_bert) for _ in range(2))
    other.add_tokens(["very very"])
    assert Tokenization(usual, 6).identity != Tokenization(other, 6).identity
