"""Freezing that is freezing: no gradient, and normalisation whose running statistics stand still."""

from collections.abc import Iterable, Mapping

from torch import nn

from graft.backbones.stages import Stage
from graft.strategies.selection import chosen, is_norm


def set_learning(stages: Iterable[Stage], learning: Mapping[str, str]) -> None:
    """Lets parameters of the named stages learn and freezes all others; modules of frozen stages are in eval mode.

    A normalisation layer normalises by running statistics, which stand still, unless all of its parameters learn.

    Args:
        stages: All of the network.
        learning: By name, which of a stage's parameters learn, see `chosen`; other stages are frozen.
    """
    for stage in stages:
        kind = learning.get(stage.name)
        learns = {id(parameter) for parameter in chosen(stage, kind).values()}
        for parameter in stage.parameters.values():
            parameter.requires_grad_(id(parameter) in learns)
        for module in stage.modules:
            module.training = kind == "all" or (kind is not None and not _frozen_norm(module))


def _frozen_norm(module: nn.Module) -> bool:
    """Whether a module normalises and does not learn as a whole; one without parameters has nothing to learn."""
    parameters = list(module.parameters())
    return is_norm(module) and not (parameters and all(parameter.requires_grad for parameter in parameters))
