"""Freezing that is freezing: no gradient, and normalisation whose running statistics stand still."""

from collections.abc import Collection, Iterable

from graft.backbones.stages import Stage


def set_learning(stages: Iterable[Stage], learning: Collection[str]) -> None:
    """Lets the named stages learn and freezes the others: their parameters, and their modules in eval mode."""
    for stage in stages:
        learns = stage.name in learning
        for parameter in stage.parameters.values():
            parameter.requires_grad_(learns)
        for module in stage.modules:
            module.training = learns
