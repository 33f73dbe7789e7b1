"""Losses that torch does not have."""

from torch import Tensor, nn
from torch.nn.functional import one_hot

_LEAST = 1e-6  # with gamma < 1 the slope at 0 is infinite


class FocalLoss(nn.Module):
    """Cross-entropy that counts what is classified well already less.

    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 4, for any number of classes. Takes logits
    `(batch, classes)` and targets `(batch,)`, or shares of the classes `(batch, classes)`; returns `(batch,)`.

    Args:
        gamma: At least 0; 0 is cross-entropy.
        reduction: "none", the only one.
    """

    def __init__(self, gamma: float, reduction: str = "none") -> None:
        super().__init__()
        if reduction != "none":
            raise ValueError(f"reduction={reduction}: only none")
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Returns the loss of each sample."""
        shares = targets if targets.ndim > 1 else one_hot(targets, logits.shape[1])
        logs = logits.log_softmax(dim=1)
        unsure = (1 - logs.exp()).clamp(min=_LEAST)
        losses: Tensor = -(shares * unsure**self.gamma * logs).sum(dim=1)
        return losses
