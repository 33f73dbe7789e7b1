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
            module.training = _trains(module, kind, learns)


def batch_norms_that_learn(stages: Iterable[Stage], learning: Mapping[str, str]) -> list[nn.Module]:
    """Returns the BatchNorms that normalise by the batch they see while these parameters learn; changes nothing."""
    found: list[nn.Module] = []
    for stage in stages:
        kind = learning.get(stage.name)
        learns = {id(parameter) for parameter in chosen(stage, kind).values()}
        norms = [module for module in stage.modules if isinstance(module, nn.modules.batchnorm._BatchNorm)]
        found += [norm for norm in norms if _trains(norm, kind, learns)]
    return found


def _trains(module: nn.Module, kind: str | None, learns: set[int]) -> bool:
    """Whether a module is in training mode; one that normalises only where all of its parameters, if any, learn."""
    if kind is None or kind == "all" or not is_norm(module):
        return kind is not None
    parameters = list(module.parameters(recurse=False))
    return bool(parameters) and all(id(parameter) in learns for parameter in parameters)
