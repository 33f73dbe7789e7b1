"""Which of a stage's parameters learn."""

from torch import nn

from graft.backbones.stages import Stage

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
    norms = {id(value) for module in stage.modules if is_norm(module) for value in _own(module)}
    return {name: value for name, value in stage.parameters.items() if id(value) in norms}


def is_bias(name: str) -> bool:
    """Whether a parameter of this name is a bias."""
    last = name.rsplit(".", 1)[-1]
    return last == "bias" or last.endswith("_bias")


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name was added by an adapter."""
    return any(part in name for part in _ADAPTERS)


def is_norm(module: nn.Module) -> bool:
    """Whether a module normalises; libraries' own norms are known by the name of their class.

    What is named so but only holds others, such as timm's ConvNorm, does not normalise by itself.
    """
    named = type(module).__name__.endswith(("Norm", "Affine"))
    return isinstance(module, _NORMS) or (named and bool(_own(module)))


def _own(module: nn.Module) -> list[nn.Parameter]:
    return list(module.parameters(recurse=False))
