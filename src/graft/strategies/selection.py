"""Which of a stage's parameters learn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import nn

from graft.backbones.stages import Stage
from graft.errors import ConfigError

if TYPE_CHECKING:
    from graft.strategies.phases import Strategy

KINDS = ("all", "biases", "norms", "adapter")
_ADAPTERS = (".lora_", ".ia3_")  # what peft calls its parameters
_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def chosen(stage: Stage, kind: str | None) -> dict[str, nn.Parameter]:
    """Returns the parameters of one kind by name.

    Args:
        stage: Of a network.
        kind: `all`; `biases` (BitFit, Ben Zaken et al., ACL 2022: every bias, those of norms and, such as
            `in_proj_bias`, of parts of a layer too); `norms` (scale and shift of normalisation layers); `adapter`;
            `None`: none.
    """
    if kind is None:
        return {}
    if kind == "all":
        return stage.parameters
    if kind == "biases":
        return {name: value for name, value in stage.parameters.items() if is_bias(name)}
    if kind == "adapter":
        return {name: value for name, value in stage.parameters.items() if is_adapter(name)}
    norms = {id(value) for module in stage.modules if is_norm(module) for value in module.parameters()}
    return {name: value for name, value in stage.parameters.items() if id(value) in norms}


def check_selection(strategy: "Strategy", stages: Sequence[Stage]) -> None:
    """Says at once that a phase would train nothing of the backbone's stages that it names.

    Raises:
        ConfigError: They have no parameters of its kind.
    """
    for number, phase in enumerate(strategy.phases):
        kinds = strategy.learning(number)
        named = [stage for stage in stages if stage.name in kinds]
        if named and not any(chosen(stage, kinds[stage.name]) for stage in named):
            raise ConfigError(
                f"strategy.phases[{number}].parameters: the backbone's stages have no {phase.parameters}, so that only"
                f" the head would learn: strategy={strategy.name} is not for this backbone."
            )


def is_bias(name: str) -> bool:
    """Whether a parameter of this name is a bias."""
    last = name.rsplit(".", 1)[-1]
    return last == "bias" or last.endswith("_bias")


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name was added by an adapter."""
    return any(part in name for part in _ADAPTERS)


def is_norm(module: nn.Module) -> bool:
    """Whether a module normalises; libraries' own norms are known by the name of their class."""
    return isinstance(module, _NORMS) or type(module).__name__.endswith(("Norm", "Affine"))
