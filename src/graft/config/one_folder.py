"""One folder and one study for a sweep, whatever its runs vary."""

import re
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from graft.config.overrides import parse, quoted
from graft.config.space import brought

_KEYS = ("hydra.sweep.dir", "hydra.sweeper.study_name")


class OneFolder(Callback):
    """Settles a sweep's folder and study for all of its runs: by a name that they vary, each would have its own."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Resolves what is named by what the runs have in common, and tells it to each of them."""
        with read_write(config), open_dict(config):
            name = OmegaConf.to_container(config, resolve=False).get("name")  # type: ignore[union-attr]
            if name is not None:
                config.name = _in_common(str(name), *_said(config))
            for key in _KEYS:
                if (said := OmegaConf.select(config, key)) is not None:
                    OmegaConf.update(config, key, str(said))
                    config.hydra.overrides.hydra.append(f"{key}={quoted(str(said))}")
            if name is not None:
                config.name = name


def _said(config: DictConfig) -> tuple[set[str], bool]:
    """Which keys vary, and whether the user has given the sweep a name."""
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    overrides = parse([*config.hydra.overrides.task, *brought(params)])
    keys = {override.get_key_element().lstrip("+~"): override.is_sweep_override() for override in overrides}
    return {key for key, varies in keys.items() if varies}, keys.get("name") is False


def _in_common(name: str, varied: set[str], named: bool) -> str:
    """The name without what varies: of several strategies, `${datamodule.name}_${strategy.name}` names the data."""
    if "experiment" in varied and not named:
        return "experiments"  # each has a name of its own
    for group in varied:
        name = re.sub(rf"[_-]?\$\{{{re.escape(group)}\.name\}}", "", name)
    return name.strip("_-") or "sweep"
