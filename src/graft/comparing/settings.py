"""What was set in a run: its config by dotted keys, and which of them are settings of an experiment at all."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from graft.errors import GraftError

Settings = dict[str, Any]

# Where things lie, what is shown and kept, and what only the speed depends on. Runs that differ in no more than these,
# and in their seeds, are one configuration.
_NO_SETTINGS = (
    "name",
    "resume",
    "test",
    "report",
    "bootstrap",
    "paths",
    "logger",
    "launcher",
    "sweep",
    "cache.enabled",
    "cache.images",
    "cache.folder",
    "cache.min_epochs",
    "cache.max_gb",
    "callbacks.progress",
    "callbacks.last",
    "callbacks.learning_rate",
    "backbone.license",
    "datamodule.license",
    "datamodule.num_workers",
    "datamodule.eval_batch_size",
    "task.metrics",
    "trainer.log_every_n_steps",
    "trainer.enable_model_summary",
    "trainer.num_sanity_val_steps",
)
CHOICES = ("name", "model", "_target_")  # keys that say which choice of a group was taken
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


def is_setting(key: str) -> bool:
    """Whether a key may make a configuration another one; seeds are for the caller to tell."""
    return not any(key == each or key.startswith(f"{each}.") for each in _NO_SETTINGS)


def flat_config(path: Path) -> Settings:
    """Reads a `config.yaml`: values by dotted key, interpolations as they stand, null and empty ones left out.

    Raises:
        GraftError: The file is no config.
    """
    text = path.read_text(encoding="utf-8")
    try:
        # The runs of a sweep have most of their groups in common, and YAML is slow: each group is parsed once.
        return {key: value for part in _groups(text) for key, value in _flat_group(part).items()}
    except (yaml.YAMLError, GraftError):  # written by hand: what was cut apart may belong together
        try:
            return dict(_flat_group(text))
        except (yaml.YAMLError, GraftError) as error:
            raise GraftError(f"{path.name} is no config: {str(error).splitlines()[0]}") from error


def _groups(text: str) -> list[str]:
    """The text cut before each line that begins with a key."""
    return [part for part in re.split(r"^(?=[\w\"'])", text, flags=re.MULTILINE) if part]


@lru_cache(maxsize=4096)
def _flat_group(text: str) -> Settings:
    data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(data, dict):
        raise GraftError("it holds no keys")
    return flat(data)


def flat(data: dict[Any, Any], prefix: str = "") -> Settings:
    """Returns the values of nested dictionaries by dotted key.

    Args:
        data: The dictionaries.
        prefix: That all keys get.
    """
    found: Settings = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found


def value_of(settings: Settings, key: str) -> Any:
    """Returns a value; of another key, where it is nothing but a reference to that one, and so on."""
    value = settings.get(key)
    for _ in range(8):  # a circle has no end
        found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if found is None or found[1] not in settings:
            break
        value = settings[found[1]]
    return value


def differing(runs: Sequence[Settings], without: Sequence[str] = ()) -> list[str]:
    """Returns the settings that do not have the same value in all runs, in the order of the config files.

    Args:
        runs: Their settings.
        without: Keys that do not count.
    """
    keys = dict.fromkeys(key for settings in runs for key in settings)
    return [
        key
        for key in keys
        if key not in without
        and is_setting(key)
        and len({written(settings.get(key)) for settings in runs}) > 1
        and len({written(value_of(settings, key)) for settings in runs}) > 1
    ]


def written(value: Any) -> str:
    """A value so that equal ones are written equally, 0 as 0.0, and no others."""
    return repr(float(value)) if is_number(value) else repr(value)


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def told_by_name(rows: Sequence[Settings], keys: Sequence[str]) -> dict[str, str]:
    """Finds what need not be shown, because the name of a choice beside it tells it.

    `strategy.name` tells `strategy.phases`, where all runs of a name have the same ones. A number that takes several
    values is always shown.

    Args:
        rows: Values of the keys, of each run or configuration.
        keys: That differ.

    Returns:
        Such keys, and the key that tells each.
    """
    told: dict[str, str] = {}
    names = sorted((key for key in keys if key.rpartition(".")[2] in CHOICES), key=_rank)
    for name in names:
        beside = name.rpartition(".")[0] + "."
        for key in keys:
            fresh = key.startswith(beside) and key != name and not {key, name} & told.keys()
            if fresh and _tells(rows, name, key) and not _is_varied_number(rows, key):
                told[key] = name
    return told


def _rank(name: str) -> tuple[int, int]:
    """Of the outer group first, there by the order of `CHOICES`."""
    group, _, last = name.rpartition(".")
    return group.count("."), CHOICES.index(last)


def _tells(rows: Sequence[Settings], name: str, key: str) -> bool:
    pairs = {(written(row.get(name)), written(row.get(key))) for row in rows}
    return len(pairs) == len({first for first, _ in pairs})


def _is_varied_number(rows: Sequence[Settings], key: str) -> bool:
    return len({row[key] for row in rows if is_number(row.get(key))}) > 1
