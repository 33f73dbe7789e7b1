"""What a backbone still can of its pretraining, by the head that came with its weights."""

import shutil

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from graft.errors import GraftError
from graft.forgetting import compared, labels

LAST = "callbacks.best.monitor=null"  # the newest checkpoint, however it validates


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A weights file with its classifier, as a hub gives it, and the network."""
    torch.manual_seed(7)
    network = timm.create_model("test_vit", img_size=32, num_classes=10).eval()
    with torch.no_grad():
        network.head.weight.mul_(50)  # else all images are of one class
    path = tmp_path_factory.mktemp("weights") / "complete.safetensors"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    return path, network


@pytest.fixture
def photos(tmp_path, flowers, pretrained, settings):
    """Images in folders named by the class that the pretrained network itself says."""
    from graft.backbones import TimmBackbone

    path, network = pretrained
    preprocess = TimmBackbone(**settings(model="test_vit", weights=str(path), image_size=32)).preprocess(train=False)
    for file in sorted(flowers.rglob("*.png"))[:24]:
        image = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
        with torch.inference_mode():
            guess = int(network(preprocess(image)[None]).argmax())
        target = tmp_path / "photos" / f"{guess:04d}" / f"{file.parent.name}_{file.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["strategy=feature_extraction", "trainer.max_epochs=1"], True),
        (
            ["strategy=full_finetuning", "trainer.max_epochs=4", "optimizer.lr=0.05", LAST],
            False,
        ),
        (["strategy=lora", "trainer.max_epochs=3", "optimizer.lr=0.05", LAST], False),
    ],
    ids=["frozen", "fine_tuned", "adapter"],
)
def test_a_frozen_backbone_forgets_nothing_and_a_trained_one_does(tiny, graft, read, pretrained, photos, words, kept):
    folder = tiny(*words, f"backbone.weights={pretrained[0]}", "test=false", name="run")
    assert graft("evaluate", f"run={folder}", f"source={photos}") == 0
    found = read(folder, "forgetting.json")
    assert found["images"] == found["labelled"] == 24
    assert found["accuracy/before"] == 1.0  # the labels are the pretrained network's own words
    assert found["accuracy/after"] == pytest.approx(found["agreement"])
    if kept:
        assert found["agreement"] == 1.0
        assert found["divergence"] == pytest.approx(0, abs=1e-6)
    else:
        assert found["agreement"] < 1.0
        assert found["divergence"] > 0.01
    assert "What was forgotten" in (folder / "report.html").read_text()
    assert ("nothing in the backbone has learnt" in (folder / "report.html").read_text()) == kept


def test_without_the_original_head_it_is_said(tiny, graft, photos, capsys):
    folder = tiny("trainer.max_epochs=1", "test=false")
    assert graft("evaluate", f"run={folder}", f"source={photos}") == 1
    assert "backbone.weights=none come without the head" in capsys.readouterr().err
    assert not (folder / "forgetting.json").exists()


def test_a_source_that_is_not_there_is_named_by_its_key(tiny, graft, pretrained, capsys):
    folder = tiny(f"backbone.weights={pretrained[0]}", "trainer.max_epochs=1", "test=false")
    assert graft("evaluate", f"run={folder}", "source=/nowhere") == 1
    assert "source=/nowhere does not exist" in capsys.readouterr().err


def test_the_numbers_by_hand():
    before = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]).log()
    after = torch.tensor([[0.5, 0.5], [0.6, 0.4], [0.6, 0.4]]).log()
    found = compared(before, after, [0, 1, None])
    assert found["agreement"] == pytest.approx(2 / 3)
    assert found["accuracy/before"] == 1.0
    assert found["accuracy/after"] == 0.5
    wanted = (0.9 * torch.tensor(0.9 / 0.5).log() + 0.1 * torch.tensor(0.1 / 0.5).log()) / 3
    wanted += (0.2 * torch.tensor(0.2 / 0.6).log() + 0.8 * torch.tensor(0.8 / 0.4).log()) / 3
    assert found["divergence"] == pytest.approx(float(wanted), abs=1e-6)
    assert "labelled" not in compared(before, after, [None] * 3)
    with pytest.raises(GraftError, match="classes 0 to 1"):
        compared(before, after, [0, 7, None])


def test_folders_with_numbers_are_labels():
    assert labels(["0281/a.png", "cats/b.png", "c.png", "x/7/d.png"]) == [281, None, None, 7]
