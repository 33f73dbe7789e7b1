"""What makes a search this one, so that trials of another are not mixed with its own."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from graft.comparing.settings import flat, is_setting
from graft.config.locate import configs_dir
from graft.config.space import Interval, Space
from graft.runs.secrets import redact_tree


def searched(config: DictConfig, space: Space, objectives: Mapping[str, str]) -> dict[str, Any]:
    """Returns what all starts of a search have in common, by what it is called in a message.

    How many trials, where and by which sampler may change while it goes on; so may what changes no result. Of a group
    that is varied, such as `strategy`, the files that are chosen from count, of all else the configuration as composed.

    Args:
        config: Hydra's, of the whole sweep.
        space: What is varied.
        objectives: `max` or `min` by what is optimised.
    """
    settings = config.hydra.sweeper
    varied = {
        key: [values.low, values.high, "log" if values.log else "linear"] if isinstance(values, Interval) else values
        for key, values in space.varied.items()
    }
    fixed = {key: value for key, value in _settings(config).items() if not _is_below(key, space)}
    own = {"objectives": dict(objectives), "seeds": settings.seeds, "folds": settings.folds}
    brought = {key: value for key, value in space.own.items() if is_setting(key)}
    found: dict[str, Any] = redact_tree({**own, **fixed, **brought, **_files(space), **varied})
    return found


def _settings(config: DictConfig) -> dict[str, Any]:
    data = OmegaConf.to_container(config, resolve=False)
    assert isinstance(data, dict)
    data.pop("hydra")
    return {key: value for key, value in flat(data).items() if is_setting(key)}


def _is_below(key: str, space: Space) -> bool:
    """Whether a key gets its value from the search: the key itself, or one of a group's."""
    varied = [each.lstrip("+~").partition("@")[0].replace("/", ".") for each in (*space.varied, *space.own)]
    return any(key == each or key.startswith(f"{each}.") for each in varied)


def _files(space: Space) -> dict[str, str]:
    """A digest of each file that is chosen from, without its comments."""
    chosen = {**space.varied, **{key: [value] for key, value in space.own.items()}}
    files = {
        f"{key}={value}": configs_dir() / key / f"{value}.yaml"
        for key, values in chosen.items()
        if isinstance(values, list)
        for value in values
    }
    return {name: _digest(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}


def _digest(text: str) -> str:
    return hashlib.sha256(json.dumps(yaml.safe_load(text), sort_keys=True, default=str).encode()).hexdigest()[:8]
