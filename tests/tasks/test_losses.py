import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from graft.tasks import FocalLoss

LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([0, 1, 2, 3, 0, 1])


def test_without_focus_it_is_cross_entropy():
    assert torch.allclose(FocalLoss(gamma=0)(LOGITS, TARGETS), cross_entropy(LOGITS, TARGETS, reduction="none"))


def test_equation_4():
    p = LOGITS.softmax(1)[torch.arange(6), TARGETS]
    assert torch.allclose(FocalLoss(gamma=2)(LOGITS, TARGETS), -((1 - p) ** 2) * p.log())


def test_shares_of_classes_that_are_one_are_targets():
    shares = one_hot(TARGETS, 4).float()
    assert torch.allclose(FocalLoss(gamma=2)(LOGITS, shares), FocalLoss(gamma=2)(LOGITS, TARGETS))


def test_only_single_losses():
    with pytest.raises(ValueError, match="reduction=mean"):
        FocalLoss(gamma=1, reduction="mean")


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_what_is_certain_has_a_gradient_that_is_a_number(gamma):
    logits = torch.tensor([[90.0, 0.0]], requires_grad=True)
    FocalLoss(gamma)(logits, torch.tensor([0])).sum().backward()
    assert logits.grad.isfinite().all()
