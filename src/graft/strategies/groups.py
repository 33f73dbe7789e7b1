"""Parameter groups: one per stage and kind of decay, all of them from the first step."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from graft.backbones.stages import Stage


def parameter_groups(
    stages: Sequence[Stage], scales: dict[str, float], lr: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Makes an optimizer's parameter groups, named `<stage>/<decay|no_decay>`, with the scaled `lr` written in.

    Norms' scales and all biases, being vectors, are not decayed (Goyal et al., 2017, section 5.3). A parameter that
    several stages share is in the group of the first.
    """
    groups = []
    seen: set[int] = set()
    for stage in stages:
        fresh = [parameter for parameter in stage.parameters.values() if id(parameter) not in seen]
        seen.update(map(id, fresh))
        for kind, decay in (("decay", weight_decay), ("no_decay", 0.0)):
            members = [parameter for parameter in fresh if _decays(parameter) == (kind == "decay")]
            if members:
                rate = lr * scales[stage.name]
                groups.append({"name": f"{stage.name}/{kind}", "params": members, "lr": rate, "weight_decay": decay})
    return groups


def _decays(parameter: nn.Parameter) -> bool:
    return parameter.ndim > 1
