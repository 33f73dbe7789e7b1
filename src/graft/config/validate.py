"""Checks a composed configuration as a whole, before anything heavy is imported."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationKeyError,
    InterpolationToMissingValueError,
    OmegaConfBaseException,
)

from graft.config.check import check_fields
from graft.config.keys import dotted_keys
from graft.config.schema import COMMANDS
from graft.errors import ConfigError, did_you_mean

_LOSSES_OF_CLASSES = ("graft.tasks.FocalLoss", "torch.nn.CrossEntropyLoss")


def validate(cfg: DictConfig, command: str = "train") -> None:
    """Checks keys, types, missing values, interpolations and the monitored metric.

    Args:
        cfg: As composed, Hydra's own node left out.
        command: Whose configuration it is, a key of `graft.config.schema.COMMANDS`.

    Raises:
        ConfigError: Something is wrong; the one message lists all of it.
    """
    raise_problems(problems(cfg, command))


def raise_problems(found: list[str]) -> None:
    """Raises one `ConfigError` that lists the problems; without any, does nothing."""
    if len(found) == 1:
        raise ConfigError(found[0])
    if found:
        raise ConfigError(f"the configuration has {len(found)} problems:\n  " + "\n  ".join(found))


def problems(cfg: DictConfig, command: str) -> list[str]:
    """Returns one sentence for each thing that is wrong."""
    missing = _missing_values(OmegaConf.to_container(cfg, resolve=False))
    found = [*missing, *_unresolved(cfg, dotted_keys(cfg)), *check_fields(cfg, COMMANDS[command], "")]
    if command == "train":
        found += [*_monitor(cfg), *_validation(cfg), *_name(cfg), *_loss(cfg), *_find(cfg)]
    return _told_once(found, cfg)


def _told_once(found: list[str], cfg: DictConfig) -> list[str]:
    """Leaves out a wrong value that is another key's (`${name}`) where that key is told already."""
    told = {sentence.partition(": ")[0] for sentence in found}
    raw = OmegaConf.to_container(cfg, resolve=False)

    def source(sentence: str) -> str:
        value: Any = raw
        for name in sentence.partition(": ")[0].split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value[2:-1] if isinstance(value, str) and value.startswith("${") else ""

    return [sentence for sentence in found if source(sentence) not in told]


def _missing_values(raw: Any, prefix: str = "") -> Iterator[str]:
    items: Any = raw.items() if isinstance(raw, dict) else enumerate(raw)
    for name, value in items:
        if value == "???":
            yield f"{prefix}{name}: has no value yet; give it one: {prefix}{name}=…"
        elif isinstance(value, (dict, list)):
            yield from _missing_values(value, f"{prefix}{name}.")


def _unresolved(container: DictConfig | ListConfig, known: list[str], prefix: str = "") -> Iterator[str]:
    """Follows every interpolation once, those of other libraries' nodes too."""
    raw = OmegaConf.to_container(container, resolve=False)
    items: Any = raw.items() if isinstance(raw, dict) else enumerate(raw or ())
    for name, value in items:
        key = f"{prefix}{name}"
        if isinstance(value, (dict, list)):
            yield from _unresolved(container[name], known, f"{key}.")
        elif isinstance(value, str) and "${" in value:
            try:
                container[name]
            except InterpolationToMissingValueError:
                continue  # the missing value itself is reported
            except OmegaConfBaseException as error:
                yield f"{key}: {value} cannot be resolved: {_reason(error, known)}"


def _reason(error: OmegaConfBaseException, known: list[str]) -> str:
    reason = str(error.msg or error).partition("\n")[0].rstrip(".")
    if isinstance(error, InterpolationKeyError) and (parts := reason.split("'"))[1:]:
        return f"there is no key '{parts[1]}'.{did_you_mean(parts[1], known)}"
    return f"{reason}."


def _name(cfg: DictConfig) -> Iterator[str]:
    """A run's name is that of a folder in logs/runs, and no way out of it."""
    try:
        name = cfg.get("name")
    except OmegaConfBaseException:
        return
    if isinstance(name, str) and (name in ("", ".", "..") or any(mark in name for mark in "/\\\0")):
        yield f"name: '{name}' cannot name a folder in logs/runs: leave out / and \\."


def _loss(cfg: DictConfig) -> Iterator[str]:
    """A loss over classes that exclude one another takes several labels for shares of them, without a word."""
    task, loss = (OmegaConf.select(cfg, f"{key}._target_", throw_on_missing=False) for key in ("task", "task.loss"))
    if task in ("graft.tasks.MultiLabel", "graft.tasks.Regression") and loss in _LOSSES_OF_CLASSES:
        yield f"task.loss: {loss} is for one class a sample (task=classification); leave out the choice of the loss."


def _find(cfg: DictConfig) -> Iterator[str]:
    """What is found before the training is found in steps of it."""
    asked = {name: OmegaConf.select(cfg, f"find.{name}", throw_on_missing=False) for name in ("lr", "batch_size")}
    asked = {name: settings for name, settings in asked.items() if isinstance(settings, DictConfig)}
    phases = OmegaConf.select(cfg, "strategy.phases", throw_on_missing=False)
    for name in asked if isinstance(phases, ListConfig) and not phases else ():
        yield f"find.{name}: strategy={cfg.strategy.get('name')} takes no steps, and has neither; leave out find=…"
    low, high = (asked.get("lr", {}).get(key) for key in ("low", "high"))
    if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
        yield f"find.lr.low: {low:g} is not below find.lr.high, which is {high:g}."


def _other_monitors(cfg: DictConfig) -> Iterator[tuple[str, str]]:
    """The metrics that callbacks and the scheduler look at, by their keys."""
    callbacks = cfg.get("callbacks")
    nodes = {"scheduler": cfg.get("scheduler")}
    if isinstance(callbacks, DictConfig):
        nodes |= {f"callbacks.{name}": callbacks[name] for name in map(str, callbacks)}
    for key, node in nodes.items():
        if isinstance(node, DictConfig) and isinstance(other := node.get("monitor"), str):
            yield f"{key}.monitor", other


def _validation(cfg: DictConfig) -> Iterator[str]:
    """Something must be validated, or there is no best checkpoint."""
    if OmegaConf.select(cfg, "trainer.limit_val_batches", throw_on_missing=False) == 0:
        yield "trainer.limit_val_batches: 0 would validate nothing, which chooses the best checkpoint; 1 is enough."


def validated(cfg: DictConfig) -> list[str] | None:
    """Returns the names of what is computed on the validation split; None, where the task does not say."""
    metrics = OmegaConf.select(cfg, "task.metrics", throw_on_missing=False)
    if not isinstance(metrics, DictConfig):
        return None
    computed = [name for name in map(str, metrics) if OmegaConf.is_missing(metrics, name) or metrics[name] is not None]
    return ["val/loss", *(f"val/{name}" for name in computed)]


def _monitor(cfg: DictConfig) -> Iterator[str]:
    """The metric that chooses the best checkpoint must be one that is computed, and get better in the way said."""
    choices = validated(cfg)
    monitor = cfg.get("monitor") if not OmegaConf.is_missing(cfg, "monitor") else None
    if not isinstance(monitor, str) or choices is None:
        return
    if monitor not in choices:
        near = did_you_mean(monitor, choices)
        yield f"monitor: '{monitor}' is not computed.{near} Known: {', '.join(choices)}."
    either = [*choices, *(name.replace("val/", "train/") for name in choices), "train/loss_step", "train/penalty"]
    for key, other in _other_monitors(cfg):
        if other not in either and other != monitor:
            yield f"{key}: '{other}' is not computed.{did_you_mean(other, either)} Known: {', '.join(either)}."
    if monitor == "val/loss" and cfg.get("mode") == "max":
        yield "mode: max would choose the checkpoint with the largest loss; with monitor=val/loss say mode=min."
