"""Stages: the unit of freezing and of layer-wise learning rates."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Stage:
    """One step of a network from input to output.

    Attributes:
        name: `stem`, `block_1` … `block_n` in a backbone; `head` on top of it.
        parameters: The stage's parameters by their name in the network.
        modules: The modules that run with these parameters, normalisation and dropout included; their
            train/eval mode is the stage's.
    """

    name: str
    parameters: dict[str, nn.Parameter]
    modules: tuple[nn.Module, ...]

    @property
    def size(self) -> int:
        """Number of parameters (scalars)."""
        return sum(parameter.numel() for parameter in self.parameters.values())


def partition(network: nn.Module, groups: Sequence[Sequence[str]]) -> tuple[Stage, ...]:
    """Cuts a network into stages, given the names of each stage's parameters from input to output.

    A module belongs to the stage that holds all of its parameters; one without parameters (activation, dropout,
    pooling) to the stage of the module registered before it.

    Raises:
        ValueError: A parameter is in no group or in several.
    """
    stage_of = {name: number for number, names in enumerate(groups) for name in names}
    parameters = dict(network.named_parameters())
    if sum(map(len, groups)) != len(stage_of) or stage_of.keys() != parameters.keys():
        wrong = sorted(parameters.keys() ^ stage_of.keys()) or "the same name in two groups"
        raise ValueError(f"The stages of {type(network).__name__} do not hold every parameter exactly once: {wrong}")

    modules: list[list[nn.Module]] = [[] for _ in groups]
    current = 0
    for prefix, module in network.named_modules():
        if prefix:
            held = {stage_of[f"{prefix}.{name}"] for name, _ in module.named_parameters()}
            if len(held) > 1:  # a container of several stages has no mode of its own
                continue
            current = next(iter(held), current)
            modules[current].append(module)
    names = ["stem", *(f"block_{number}" for number in range(1, len(groups)))]
    return tuple(
        Stage(name, {key: parameters[key] for key in keys}, tuple(members))
        for name, keys, members in zip(names, groups, modules, strict=True)
    )


def whole(name: str, module: nn.Module) -> Stage:
    """Makes one stage of a whole module, such as the head."""
    parameters = {f"{name}.{key}": value for key, value in module.named_parameters()}
    return Stage(name, parameters, tuple(module.modules()))
