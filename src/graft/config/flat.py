"""A configuration as one level of names and values, for the tables of experiment trackers."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from graft.config.schema import HYDRA_KEYS

# What says where things go or how they are shown, not what is learnt, or how.
_LEFT_OUT = (
    *("resume.", "paths.", "logger.", "launcher.", "cache.", "report."),
    *(f"callbacks.{name}." for name in ("best", "last", "learning_rate", "progress")),
)
_NAMED_ALREADY = ("callbacks.", "task.metrics.")  # by their keys, so that their classes say no more


def flattened(cfg: DictConfig) -> dict[str, Any]:
    """Returns the values by the key that the command line has for them, such as `optimizer.lr`.

    Interpolations are resolved. Lists of plain values stay lists; others go by numbers, as in
    `strategy.phases.0.train`. Tracking, caching and the paths of the run are left out.
    """
    return {key: value for key, value in _leaves(OmegaConf.to_container(cfg, resolve=True), "") if _tells(key)}


def _leaves(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _tells(key: str) -> bool:
    if f"{key}.".startswith(_LEFT_OUT):
        return False
    name = key.rpartition(".")[2]
    return name not in HYDRA_KEYS or (name == "_target_" and not key.startswith(_NAMED_ALREADY))
