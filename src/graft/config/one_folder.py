"""One folder and one study for a sweep, whatever its runs vary."""

from collections.abc import Iterator
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
                config.name = _in_common(str(name), set(_varied(config)))
            for key in _KEYS:
                if (said := OmegaConf.select(config, key)) is not None:
                    OmegaConf.update(config, key, str(said))
                    config.hydra.overrides.hydra.append(f"{key}={quoted(str(said))}")
            if name is not None:
                config.name = name


def _varied(config: DictConfig) -> Iterator[str]:
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    for override in parse([*config.hydra.overrides.task, *brought(params)]):
        if override.is_sweep_override():
            yield override.get_key_element().lstrip("+~")


def _in_common(name: str, varied: set[str]) -> str:
    """The name without what varies: of several strategies, `${datamodule.name}_${strategy.name}` names the data."""
    if "experiment" in varied:
        return "experiments"
    parts = [part for part in name.split("_") if part.removeprefix("${").removesuffix(".name}") not in varied]
    return "_".join(parts) or "sweep"
