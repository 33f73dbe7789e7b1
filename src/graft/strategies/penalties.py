"""Penalties: what is added to the loss of a training batch so that less is lost of what the backbone knew."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from graft.backbones.stages import Stage
from graft.errors import ConfigError
from graft.strategies.selection import is_adapter
from graft.strategies.sharding import like, over_all, own_part


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
        return 0.5 * self._strength * self._squares(lambda parameter: parameter.requires_grad)

    def _squares(self, counts: Callable[[nn.Parameter], bool]) -> Tensor:
        """The squared distance over those parameters that count."""
        terms, learnt = [], {name: value for name, value in self._parameters().items() if counts(value)}
        for name, parameter in learnt.items():
            start = self._starts[name] = like(self._starts[name], parameter)  # where the trainer has put the parameter
            terms.append((own_part(parameter) - own_part(start)).pow(2).sum())
        return over_all(torch.stack(terms).sum(), *learnt.values()) if terms else torch.zeros(())

    def _parameters(self) -> dict[str, nn.Parameter]:
        """The backbone's own, as they are now: new ones where a trainer shared them out among processes."""
        return {
            name: value for stage in self._stages for name, value in stage.parameters.items() if not is_adapter(name)
        }

    def distance(self) -> float:
        """Returns how far the weights are from where they started, the Euclidean norm."""
        with torch.no_grad():
            return math.sqrt(float(self._squares(lambda _: True)))
