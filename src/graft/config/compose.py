"""Composes and checks a command's configuration ahead of Hydra's own run, so that a mistake leaves nothing behind.

Hydra makes the run folder before it calls the program, reports the first mistake only, and names no like key. Here
the command line is composed once without consequences, and every mistake on it and in the files is listed.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from graft.config.explain import Mistake, as_config_error, find_mistake
from graft.config.locate import configs_dir
from graft.config.overrides import parse, sweep_points
from graft.config.schema import TARGETS
from graft.config.search import check_pruners, check_search
from graft.config.space import brought
from graft.config.validate import problems, raise_problems
from graft.errors import ConfigError


def check_command_line(
    command: str,
    overrides: list[str],
    *,
    config_name: str | None = None,
    config_dir: str | None = None,
    multirun: bool = False,
) -> RunMode | None:
    """Composes what a command line asks for and checks it.

    Args:
        command: A key of `graft.config.schema.COMMANDS`.
        overrides: As typed.
        config_name: Hydra's `--config-name`; `None`: the command's.
        config_dir: Hydra's `--config-dir`, searched beside Graft's own.
        multirun: The overrides may be sweeps; every value of each is checked once.

    Returns:
        What the configuration says of `hydra.mode`.

    Raises:
        ConfigError: Something is wrong; the message lists all of it.
    """
    name, search = config_name or command, _search_path(config_dir)
    with _hydra():
        points = sweep_points(_searched(name, overrides, search)) if multirun else [overrides]
        checked = [_check(command, name, point, search) for point in points]
        # A mistake of several points is told once.
        raise_problems(list(dict.fromkeys(mistake for point in checked for mistake in point.mistakes)))
        if multirun and checked[0].pruner:
            shared = sweep_points(overrides)[0]  # what the sweep itself goes by
            pruners = [_check(command, name, shared, search).pruner, *(point.pruner for point in checked)]
            check_pruners(list(zip([shared, *points], pruners, strict=True)))
    return checked[-1].mode


def composed(command: str, overrides: list[str], hydra: bool = False) -> DictConfig:
    """Returns the configuration of a command line that `check_command_line` has found nothing wrong with.

    Args:
        command: As there.
        overrides: As there.
        hydra: Whether Hydra's own node is in it.
    """
    with _hydra():
        return compose(command, overrides, return_hydra_config=hydra)


@contextmanager
def _hydra() -> Iterator[None]:
    """Hydra's globals for composing, and what they were before afterwards."""
    config = HydraConfig.instance()
    before = config.cfg
    try:
        with initialize_config_dir(str(configs_dir()), version_base="1.3"):
            yield
    finally:
        config.cfg = before


def _searched(config_name: str, overrides: list[str], search: list[str]) -> list[str]:
    """Adds what the configuration of a sweep varies by itself.

    Raises:
        ConfigError: The search cannot work.
    """
    first = [point for point in sweep_points(overrides)[0] if not point.startswith("hydra.mode")]
    cfg, mistakes = _compose(config_name, first, search)
    if mistakes or OmegaConf.select(cfg, "hydra.sweeper._target_") not in TARGETS:
        return overrides
    _pretend_to_run(cfg)
    check_search(cfg, overrides)
    said = {override.get_key_element().lstrip("+~") for override in parse(overrides)}
    return [*overrides, *(line for line in brought(cfg.hydra.sweeper.params) if line.partition("=")[0] not in said)]


def _search_path(config_dir: str | None) -> list[str]:
    if config_dir and not Path(config_dir).is_dir():
        raise ConfigError(f"--config-dir: there is no folder {config_dir}.")
    return [f"hydra.searchpath=['file://{Path(config_dir).absolute()}']"] if config_dir else []


class _Checked(NamedTuple):
    """What a command line of one run comes to."""

    mode: RunMode | None
    mistakes: list[str]
    pruner: dict[str, Any]


def _check(command: str, config_name: str, overrides: list[str], search: list[str]) -> _Checked:
    cfg, mistakes = _compose(config_name, overrides, search)
    found = [mistake.told(cfg, map(str, cfg.hydra.runtime.choices)) for mistake in mistakes]
    _pretend_to_run(cfg)
    mode, pruner = cfg.hydra.mode, _pruner(cfg)
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    told = {mistake.key for mistake in mistakes}  # what was left out with a mistake has no value for that reason
    found += [said for said in problems(cfg, command) if said.partition(": ")[0] not in told]
    return _Checked(mode, found, pruner)


def _pruner(cfg: DictConfig) -> dict[str, Any]:
    """What a search's pruner goes by; nothing, where there is none."""
    with contextlib.suppress(OmegaConfBaseException):  # a value that is missing, which is told elsewhere
        node = OmegaConf.select(cfg, "hydra.sweeper.pruner")
        if isinstance(node, DictConfig):
            return dict(OmegaConf.to_container(node, resolve=True))  # type: ignore[arg-type]  # keys are texts
    return {}


def _compose(config_name: str, overrides: list[str], search: list[str]) -> tuple[DictConfig, list[Mistake]]:
    """Composes, leaving out one override after the other that cannot be applied."""
    overrides = list(overrides)
    mistakes: list[Mistake] = []
    while True:
        parsed = parse(overrides)
        try:
            cfg = compose(config_name, [*search, *overrides], return_hydra_config=True)
        except Exception as error:  # composing raises Hydra's, OmegaConf's, YAML's and built-in exceptions
            mistake = find_mistake(error, parsed)
            if mistake is None:
                raise (as_config_error(error) or error) from error
            mistakes.append(mistake)
            overrides.remove(mistake.override)
        else:
            return cfg, mistakes


def _pretend_to_run(cfg: DictConfig) -> None:
    """Gives `${hydra:…}` the values that a job would have."""
    with read_write(cfg), open_dict(cfg):
        cfg.hydra.runtime.output_dir = "."
        cfg.hydra.job.num = 0
        cfg.hydra.job.id = "0"
    HydraConfig.instance().set_config(cfg)
