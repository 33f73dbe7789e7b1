"""Penalties: what is added to the loss of a training batch so that less is lost of what the backbone knew."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from graft.backbones.stages import Stage
from graft.errors import ConfigError
from graft.strategies.selection import is_adapter


class Penalty(ABC):
    """A term of the loss that looks at the weights alone."""

    @abstractmethod
    def begin(self, stages: Iterable[Stage]) -> None:
        """Notes the backbone's stages, whose weights are the pretrained ones now."""

    @abstractmethod
    def __call__(self) -> Tensor:
        """Returns the term, a scalar."""


class L2SP(Penalty):
    """`strength / 2` times the squared distance of the backbone's weights from where they started.

    Source: Li et al., ICML 2018, equation 2 (L2-SP). The backbone's weight decay, which would pull to zero, is off
    meanwhile; the head's, beta in the paper, is the optimizer's.

    Args:
        strength: Alpha in the paper; at least 0.
    """

    def __init__(self, strength: float) -> None:
        if strength < 0:
            raise ConfigError(f"penalty.l2sp.strength must be at least 0, got {strength}.")
        self._strength = strength
        self._pairs: list[tuple[nn.Parameter, Tensor]] = []

    def begin(self, stages: Iterable[Stage]) -> None:
        """See `Penalty`; new parameters of adapters have no start to be pulled to."""
        parameters = {
            id(value): value for stage in stages for name, value in stage.parameters.items() if not is_adapter(name)
        }
        self._pairs = [(parameter, parameter.detach().clone()) for parameter in parameters.values()]

    def __call__(self) -> Tensor:
        """See `Penalty`; frozen weights are where they were and cost nothing to leave out."""
        if any(start.device != parameter.device for parameter, start in self._pairs):  # the trainer moved the network
            self._pairs = [(parameter, start.to(parameter.device)) for parameter, start in self._pairs]
        terms = [(parameter - start).pow(2).sum() for parameter, start in self._pairs if parameter.requires_grad]
        return 0.5 * self._strength * torch.stack(terms).sum() if terms else torch.zeros(())

    def distance(self) -> float:
        """Returns how far the weights are from where they started, the Euclidean norm."""
        with torch.no_grad():
            return float(
                sum(float((parameter.cpu() - start.cpu()).pow(2).sum()) for parameter, start in self._pairs) ** 0.5
            )
