from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from graft.config.instantiate import build_all
from graft.data import chain, mixes

CONFIGS = Path(__file__).parents[2] / "configs" / "augmentation"


def load(name: str):
    return build_all(OmegaConf.load(CONFIGS / f"{name}.yaml"))


def build(name: str):
    return chain(load(name))


def test_nothing_on_is_none():
    assert chain({}) is None
    assert chain({"flip": None}) is None
    assert build("none") is None


def test_transforms_are_applied_in_order_without_those_that_are_off():
    transform = chain({"add": lambda x: x + 1, "off": None, "double": lambda x: x * 2})
    assert transform is not None
    assert transform(3) == 8


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.yaml") if path.stem != "none"))
def test_every_choice_keeps_canonical_images_canonical_and_random(name: str):
    augment = build(name)
    image = torch.randint(0, 256, (3, 40, 30), dtype=torch.uint8)
    outcomes = [augment(image) for _ in range(20)]
    assert {(out.dtype, len(out)) for out in outcomes} == {(torch.uint8, 3)}
    assert any(out.shape != image.shape or not torch.equal(out, image) for out in outcomes)


def test_dihedral_yields_the_eight_symmetries_of_any_rectangle():
    augment = build("dihedral")
    image = torch.arange(3 * 4 * 5, dtype=torch.uint8).reshape(3, 4, 5)
    torch.manual_seed(0)
    outcomes = [augment(image) for _ in range(200)]
    assert len({(tuple(out.shape), tuple(out.flatten().tolist())) for out in outcomes}) == 8
    assert all(sorted(out.flatten().tolist()) == list(range(60)) for out in outcomes)  # nothing is cut off


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixed_batches_have_the_shares_of_what_is_in_them(name: str):
    (mix,) = mixes(load(name))
    images = torch.eye(4).reshape(4, 4, 1, 1).expand(4, 4, 32, 32).contiguous()  # each image says which it is
    for seed in range(5):
        torch.manual_seed(seed)
        mixed, shares = mix(images, torch.eye(4))
        assert torch.allclose(mixed.mean(dim=(2, 3)), shares, atol=1e-5)
        assert torch.allclose(shares.sum(dim=1), torch.ones(4))
    assert mixes({"flip": None, "mix": mix}) == (mix,)
    assert chain({"mix": mix}) is None
