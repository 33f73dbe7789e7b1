"""Penalties: what is added to the loss of a training batch so that less is lost of what the backbone knew."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from graft.backbones.stages import Stage
from graft.errors import ConfigError
from graft.strategies.selection import is_adapter
from graft.strategies.sharding import like


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
        self._stages: tuple[Stage, ...] = ()
        self._starts: dict[str, Tensor] = {}

    def begin(self, stages: Iterable[Stage]) -> None:
        """See `Penalty`; new parameters of adapters have no start to be pulled to."""
        self._stages = tuple(stages)
        self._starts = {name: parameter.detach().clone() for name, parameter in self._parameters().items()}

    def __call__(self) -> Tensor:
        """See `Penalty`; frozen weights are where they were and cost nothing to leave out."""
        terms = []
        for name, parameter in self._parameters().items():
            if parameter.requires_grad:
                start = self._starts[name] = like(self._starts[name], parameter)  # which the trainer may have moved
                terms.append(_whole((parameter - start).pow(2).sum()))
        return 0.5 * self._strength * torch.stack(terms).sum() if terms else torch.zeros(())

    def _parameters(self) -> dict[str, nn.Parameter]:
        """The backbone's own, as they are now: new ones where a trainer shared them out among processes."""
        return {
            name: value for stage in self._stages for name, value in stage.parameters.items() if not is_adapter(name)
        }

    def distance(self) -> float:
        """Returns how far the weights are from where they started, the Euclidean norm."""
        with torch.no_grad():
            pairs = [(value, like(self._starts[name], value)) for name, value in self._parameters().items()]
            return float(sum(float(_whole((value - start).pow(2).sum())) for value, start in pairs) ** 0.5)


def _whole(term: Tensor) -> Tensor:
    """The sum over all processes of a term of which each has its part."""
    return term.full_tensor() if isinstance(term, DTensor) else term
