"""The configuration of a run that goes on: its own, with the values that were given anew."""

import copy

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from graft.config.explain import Mistake, find_mistake
from graft.config.overrides import is_group, parse
from graft.config.validate import problems, raise_problems

_IN_CHECKPOINT = ("optimizer", "lr_scaling", "strategy")  # groups of which a checkpoint restores what was set


def resumed_config(cfg_overrides: list[str], saved: DictConfig) -> DictConfig:
    """Returns the saved configuration with overrides applied, checked as a whole.

    Args:
        cfg_overrides: Values only, in Hydra's grammar; those of Hydra's own settings (`hydra.…`) have no effect here.
        saved: As the run folder gives it back; not changed.

    Raises:
        ConfigError: An override chooses from a group or would have no effect, or anything is wrong with keys or values.
    """
    overrides = [override for override in parse(cfg_overrides) if not override.is_hydra_override()]
    raise_problems(
        [
            f"'{override.input_line}': a run that goes on keeps its {override.key_or_group}; only values such as"
            " trainer.max_epochs=100 can be given anew. Start a new run for another choice."
            for override in overrides
            if is_group(override)
        ]
    )
    raise_problems(
        [
            f"'{override.input_line}': a run that goes on has these numbers in its checkpoint, and keeps them. Start a"
            " new run, say from what this one has learnt: backbone.weights=<run folder>."
            for override in overrides
            if override.key_or_group.partition(".")[0] in _IN_CHECKPOINT
        ]
    )
    cfg = copy.deepcopy(saved)
    OmegaConf.set_struct(cfg, True)
    mistakes: list[Mistake] = []
    for override in overrides:
        try:
            ConfigLoaderImpl.validate_sweep_overrides_legal([override], run_mode=RunMode.RUN, from_shell=True)
            ConfigLoaderImpl._apply_overrides_to_config([override], cfg)
        except Exception as error:
            mistake = find_mistake(error, [override])
            if mistake is None:
                raise
            mistakes.append(mistake)
    raise_problems([*(mistake.told(cfg, ()) for mistake in mistakes), *problems(cfg, "train")])
    return cfg
