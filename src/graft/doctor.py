"""`graft doctor`: what this machine has for a training, what it lacks, and what to do about that."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from graft.checkup.checkout import checkout
from graft.checkup.finding import Finding, Verdict, wrong
from graft.checkup.folders import cache, logs
from graft.checkup.machine import devices, precision
from graft.checkup.packages import extras, lacks, packages
from graft.checkup.services import hub, tracker
from graft.checkup.showing import show
from graft.config.compose import check_command_line, composed
from graft.config.explain import LAUNCHERS
from graft.errors import ConfigError

# What needs an extra, by how its `_target_` begins.
_NEEDS = {
    "graft.strategies.adapters.": "peft",
    "graft.data.HuggingFace": "huggingface",
    "graft.data.Streaming": "streaming",
    "graft.runs.loggers.tensorboard_logger": "tensorboard",
    "graft.runs.loggers.trackio_logger": "trackio",
    "graft.backbones.transformers.": "text",
    "hydra_plugins.hydra_ray_launcher.": "ray",
    "hydra_plugins.hydra_submitit_launcher.": "slurm",
}
_POSTGRESQL = ("postgresql", "postgresql+psycopg")  # how the address of a storage begins that needs the driver


def doctor(overrides: list[str]) -> int:
    """Prints what was found.

    Args:
        overrides: As for `graft train`: the training that is asked about.

    Returns:
        The exit code: 1 where something would stop that training, else 0.

    Raises:
        ConfigError: An override is wrong.
    """
    sections = [("Versions", list(_safely("packages", packages)))]
    lacking = _launchers_lacking(overrides)
    cfg, mistakes = _configuration([each for each in overrides if not (lacking and _is_of_a_launcher(each))])
    if mistakes:
        sections.append(("Configuration", mistakes))
    if cfg is not None:
        sections += _of_a_training(cfg, lacking)
    sections.append(("Code", list(_safely("git", checkout))))
    show(sections)
    return int(any(each.verdict is Verdict.WRONG for _, found in sections for each in found))


def _launchers_lacking(overrides: list[str]) -> dict[str, str]:
    """Extras of launchers that are asked for and not installed, with what asks: Hydra knows no such choice then."""
    asked = {LAUNCHERS.get(each.partition("=")[2], ""): each for each in overrides if _is_of_a_launcher(each)}
    extras = {package[len("graft[") : -1]: each for package, each in asked.items() if package.startswith("graft[")}
    return {extra: each for extra, each in extras.items() if lacks(extra)}


def _is_of_a_launcher(override: str) -> bool:
    return override.lstrip("+").startswith(("launcher=", "hydra/launcher=", "hydra.launcher."))


def _configuration(overrides: list[str]) -> tuple[DictConfig | None, list[Finding]]:
    """The configuration of the training; where nothing is typed that may be wrong, a mistake in a file is a finding."""
    try:
        check_command_line("train", overrides)
        return composed("train", overrides, hydra=True), []
    except ConfigError as error:
        if overrides:
            raise
        return None, [
            wrong("configs/", str(error), "mend the file; what depends on the configuration is not looked at")
        ]


def _of_a_training(cfg: DictConfig, lacking: dict[str, str]) -> Iterator[tuple[str, list[Finding]]]:
    trainer, wandb = cfg.trainer, cfg.logger.get("wandb")
    count = OmegaConf.to_container(cfg.trainer, resolve=True)["devices"]  # type: ignore[index,call-overload]
    yield "Extras", list(_safely("extras", lambda: extras({**_needed(cfg), **lacking})))
    yield (
        "Devices",
        [
            *_safely("devices", lambda: devices(str(trainer.accelerator), count)),
            *_safely("precision", lambda: precision(str(trainer.precision), _auto(str(trainer.accelerator)))),
        ],
    )
    yield (
        "Folders",
        [
            *_safely("logs", lambda: logs(Path(cfg.paths.logs))),
            *_safely("cache", lambda: cache(cfg.cache.folder, cfg.cache.max_gb)),
        ],
    )
    yield (
        "Servers",
        [
            *_safely("Weights & Biases", lambda: tracker(str(wandb.mode) if wandb else None)),
            *_safely("model hub", lambda: hub(cfg.backbone.get("weights"))),
        ],
    )


def _safely(subject: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """One broken package must not keep the others from being looked at."""
    try:
        yield from look()
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        yield wrong(subject, f"cannot be looked at: {type(error).__name__}: {said}", "install again: uv sync")


def _auto(accelerator: str) -> str:
    from graft.precision import resolve

    return resolve("auto", accelerator)


def _needed(cfg: DictConfig) -> dict[str, str]:
    """The extras without which this configuration cannot run, each with the `_target_` or the key that needs it."""
    found = {}
    storage = OmegaConf.select(cfg, "hydra.sweeper.storage", throw_on_missing=False)
    if str(storage).partition("://")[0] in _POSTGRESQL:
        found["postgresql"] = "hydra.sweeper.storage"
    for target in _targets(OmegaConf.to_container(cfg, resolve=False)):
        for begins, extra in _NEEDS.items():
            if target.startswith(begins):
                found[extra] = target
    return found


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _targets(each)
