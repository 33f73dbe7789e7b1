"""Parameter groups: one per stage and kind of decay, all of them from the first step."""

from collections.abc import Collection, Sequence
from typing import Any

from torch import nn

from graft.backbones.stages import Stage


def parameter_groups(
    stages: Sequence[Stage],
    scales: dict[str, float],
    lr: float,
    weight_decay: float,
    undecayed: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Makes an optimizer's parameter groups, named `<stage>/<decay|no_decay>`, with the scaled `lr` written in.

    Norms' scales and all biases, being vectors, are not decayed (Goyal et al., 2017, section 5.3), nor the factors of
    IA3 and the magnitudes of DoRA. A parameter that several stages share is in the group of the first.

    Args:
        stages: From input to output.
        scales: By stage, of the rate.
        lr: The optimizer's.
        weight_decay: Of what is decayed.
        undecayed: Stages of which nothing is, such as those that a penalty pulls elsewhere than to zero.
    """
    groups = []
    seen: set[int] = set()
    for stage in stages:
        fresh = {name: value for name, value in stage.parameters.items() if id(value) not in seen}
        seen.update(map(id, fresh.values()))
        decayed = stage.name not in undecayed
        for kind, decay in (("decay", weight_decay if decayed else 0.0), ("no_decay", 0.0)):
            members = [value for name, value in fresh.items() if _decays(name, value) == (kind == "decay")]
            if members:
                rate = lr * scales[stage.name]
                groups.append({"name": f"{stage.name}/{kind}", "params": members, "lr": rate, "weight_decay": decay})
    return groups


def _decays(name: str, parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1 and ".ia3_" not in name and ".lora_magnitude_vector" not in name
