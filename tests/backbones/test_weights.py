import logging
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from graft.backbones import TimmBackbone
from graft.backbones.weights import package_file, read_tensors
from graft.errors import GraftError


@pytest.fixture
def resnet18_file(settings, tmp_path):
    """A file of ResNet-18 with its classifier, as torchvision and timm publish it."""
    backbone = TimmBackbone(**settings("resnet18", weights="none"))
    tensors = dict(backbone.model.state_dict()) | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    torch.save(tensors, tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth", tensors


def test_a_file_is_loaded_without_its_classifier(settings, resnet18_file, caplog):
    path, tensors = resnet18_file
    with caplog.at_level(logging.INFO):
        backbone = TimmBackbone(**settings("resnet18", weights=str(path)))
    assert torch.equal(backbone.model.conv1.weight, tensors["conv1.weight"])
    assert "left out the head: fc.bias, fc.weight" in caplog.text


def test_safetensors_and_wrapped_checkpoints_are_read_alike(settings, resnet18_file, tmp_path):
    path, tensors = resnet18_file
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "plain.safetensors")
    torch.save({"state_dict": {f"module.{name}": value for name, value in tensors.items()}}, tmp_path / "wrapped.pth")
    for name in ("plain.safetensors", "wrapped.pth"):
        backbone = TimmBackbone(**settings("resnet18", weights=str(tmp_path / name)))
        assert torch.equal(backbone.model.layer4[1].conv2.weight, tensors["layer4.1.conv2.weight"]), path


def test_weights_of_another_architecture_are_refused_with_names(settings, resnet18_file):
    path, _ = resnet18_file
    with pytest.raises(GraftError, match="another architecture") as caught:
        TimmBackbone(**settings("mobilenetv3", weights=str(path)))
    assert "missing: conv_stem.weight" in str(caught.value)
    assert "unexpected: conv1.weight" in str(caught.value)


def test_another_shape_is_refused_with_both_shapes(settings, resnet18_file, tmp_path):
    _, tensors = resnet18_file
    torch.save(tensors | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, tmp_path / "grey.pth")
    with pytest.raises(GraftError, match=r"conv1.weight \(64, 1, 7, 7\) instead of \(64, 3, 7, 7\)"):
        TimmBackbone(**settings("resnet18", weights=str(tmp_path / "grey.pth")))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_named(settings, resnet18_file, tmp_path, suffix):
    path, tensors = resnet18_file
    if suffix == ".safetensors":
        path = tmp_path / "cut.safetensors"
        save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(GraftError, match=f"{path.name} is no complete weights file"):
        TimmBackbone(**settings("resnet18", weights=str(path)))


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("writer", [torch.save, lambda what, path: path.write_bytes(pickle.dumps(what))])
def test_code_in_a_pickle_does_not_run(tmp_path, writer):
    writer({"conv1.weight": Evil(str(tmp_path / "owned"))}, tmp_path / "evil.pth")
    with pytest.raises(GraftError, match=r"evil\.pth"):
        read_tensors(tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()
    pickle.loads((tmp_path / "evil.pth").read_bytes()) if writer is not torch.save else None
    assert (tmp_path / "owned").exists() == (writer is not torch.save)  # the trap was armed


def test_a_missing_file_a_wrong_word_and_a_missing_package_are_named(settings, tmp_path):
    with pytest.raises(GraftError, match="neither hub, package nor none"):
        TimmBackbone(**settings("resnet18", weights=str(tmp_path / "nowhere.pth")))
    with pytest.raises(GraftError, match="no package with weights of resnet18"):
        TimmBackbone(**settings("resnet18", weights="package"))
    with pytest.raises(GraftError, match="pip install no-such-package"):
        package_file("no-such-package", "file", "0")


def test_a_package_file_other_than_the_pinned_one_is_refused(settings):
    package = settings("efficientnet_lite0")["package"]
    with pytest.raises(GraftError, match="expected 0000"):
        package_file(package["distribution"], package["file"], "0000")


def test_a_run_folder_gives_its_backbone(settings, tmp_path):
    trained = TimmBackbone(**settings("resnet18", weights="none"))
    (tmp_path / "checkpoints").mkdir()
    state = {f"backbone.{name}": value for name, value in trained.state_dict().items()}
    torch.save({"state_dict": state | {"head.1.weight": torch.zeros(2, 512)}}, tmp_path / "checkpoints" / "best.ckpt")
    fresh = TimmBackbone(**settings("resnet18", weights=str(tmp_path)))
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in trained.state_dict().items())


def test_a_folder_without_checkpoints_is_no_run(settings, tmp_path):
    with pytest.raises(GraftError, match="no folder of a run"):
        TimmBackbone(**settings("resnet18", weights=str(tmp_path)))
