"""Parameter groups: one per stage and kind of decay, all of them from the first step."""

from collections.abc import Collection, Sequence
from typing import Any

from graft.backbones.stages import Stage
from graft.strategies.selection import is_bias, is_norm


def parameter_groups(
    stages: Sequence[Stage],
    scales: dict[str, float],
    lr: float,
    weight_decay: float,
    undecayed: Collection[int],
) -> list[dict[str, Any]]:
    """Makes an optimizer's parameter groups, named `<stage>/<decay|no_decay>`, with the scaled `lr` written in.

    A parameter that several stages share is in the group of the first.

    Args:
        stages: From input to output.
        scales: By stage, of the rate.
        lr: The optimizer's.
        weight_decay: Of what is decayed.
        undecayed: `id`s of the parameters that are not, see `undecayed`.
    """
    groups = []
    seen: set[int] = set()
    for stage in stages:
        fresh = {name: value for name, value in stage.parameters.items() if id(value) not in seen}
        seen.update(map(id, fresh.values()))
        for kind, decay in (("decay", weight_decay), ("no_decay", 0.0)):
            members = [value for value in fresh.values() if (id(value) not in undecayed) == (kind == "decay")]
            if members:
                rate = lr * scales[stage.name]
                groups.append({"name": f"{stage.name}/{kind}", "params": members, "lr": rate, "weight_decay": decay})
    return groups


def undecayed(stages: Sequence[Stage], exempt: Collection[str] = ()) -> frozenset[int]:
    """Returns the `id`s of the parameters that no weight decay pulls to zero.

    These are norms' scales, all biases and other vectors (Goyal et al., 2017, section 5.3), the factors of IA3 and the
    magnitudes of DoRA.

    Args:
        stages: From input to output.
        exempt: Names of parameters that their network exempts, such as position embeddings.
    """
    found: set[int] = set()
    for stage in stages:
        found |= {
            id(value) for module in stage.modules if is_norm(module) for value in module.parameters(recurse=False)
        }
        found |= {
            id(value) for name, value in stage.parameters.items() if name in exempt or _is_vector(name, value.ndim)
        }
    return frozenset(found)


def _is_vector(name: str, dimensions: int) -> bool:
    return dimensions < 2 or is_bias(name) or ".ia3_" in name or ".lora_magnitude_vector" in name
