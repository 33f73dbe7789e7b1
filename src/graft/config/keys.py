"""The keys of a configuration, and which of them a user may have meant."""

import difflib
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from graft.config.schema import HYDRA_KEYS, TARGETS

_FEW = 12
_SINGLE_LABELS = "graft.tasks.Classification"
_OF_SINGLE_LABELS = ("task/loss", "task.class_weights")  # keys that the other tasks have not


def dotted_keys(cfg: DictConfig) -> list[str]:
    """Returns the full dotted keys of all mappings and values, Hydra's own aside."""
    return list(_dotted(OmegaConf.to_container(cfg, resolve=False), ""))


def _dotted(raw: Any, prefix: str) -> Iterable[str]:
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(raw, dict):
        items = ((name, value) for name, value in raw.items() if name not in HYDRA_KEYS)
    elif isinstance(raw, list):
        items = enumerate(raw)
    for name, value in items:
        key = f"{prefix}{name}"
        if not isinstance(raw, list):
            yield key
        yield from _dotted(value, f"{key}.")


def unknown_key(key: str, cfg: DictConfig, groups: Iterable[str]) -> str:
    """Returns one sentence about a key that the configuration does not have.

    Args:
        key: Full dotted key, as the user wrote it.
        cfg: The configuration without the mistake.
        groups: Names of the config groups, which may be meant at the top.
    """
    known = dotted_keys(cfg)
    task = OmegaConf.select(cfg, "task._target_", throw_on_missing=False)
    if key in _OF_SINGLE_LABELS and task in TARGETS and task != _SINGLE_LABELS:
        return f"{key}: only task=classification has it, where a sample has one label; leave it out."
    if key in known:
        return f"{key}: is null, there is nothing to delete."
    near = _nearest(key, list(dict.fromkeys([*known, *groups])), cfg)
    parent, _, _ = key.rpartition(".")
    meant = f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == parent and name != "hydra"]
    return f"{key}: unknown key.{meant}{listed(beside, bool(near))}{_adding(key, cfg)}"


def listed(known: Iterable[str], has_near: bool) -> str:
    """Returns a sentence with the keys that are known where an unknown one stood, unless it would be long and idle."""
    known = list(known)
    return f" Known here: {', '.join(known)}." if known and (len(known) <= _FEW or not has_near) else ""


def _nearest(key: str, known: list[str], cfg: DictConfig) -> list[str]:
    """That name elsewhere (`lr` for `optimizer.lr`), with a value if any has, else a like one beside it or anywhere."""
    parent, _, name = key.rpartition(".")
    elsewhere = [other for other in known if other.rpartition(".")[2] == name]
    if elsewhere:
        filled = [other for other in elsewhere if OmegaConf.select(cfg, other, throw_on_missing=False) is not None]
        return sorted(filled or elsewhere, key=len)[:3]
    beside = {other.rpartition(".")[2]: other for other in known if other.rpartition(".")[0] == parent}
    like = difflib.get_close_matches(name, beside, n=3, cutoff=0.5)
    return [beside[other] for other in like] or difflib.get_close_matches(key, known, n=3, cutoff=0.6)


def _adding(key: str, cfg: DictConfig) -> str:
    """Where the mapping above may take further keys, says how to add one."""
    above = key.rpartition(".")[0]
    while above and not isinstance(OmegaConf.select(cfg, above, throw_on_missing=False), DictConfig):
        above = above.rpartition(".")[0]
    node = OmegaConf.select(cfg, above) if above else None
    closed = node is None or node.get("_target_") in TARGETS or above.partition(".")[0] in ("paths", "hydra")
    return "" if closed else f" To add it as a new one: +{key}=…"
