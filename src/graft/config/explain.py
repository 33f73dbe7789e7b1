"""Says in the user's words what Hydra and OmegaConf say in theirs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from graft.config.keys import unknown_key
from graft.config.overrides import quoted
from graft.errors import ConfigError, GraftError, did_you_mean

_UNKNOWN_KEY = re.compile(r"Could not (?:override|delete from config\.) '([^']+)'")
_TAKEN_KEY = re.compile(r"Could not append to config\. An item is already at '([^']+)'")
_TAKEN_GROUP = re.compile(r"Multiple values for ([^.]+)\.")
_NOT_MERGED = re.compile(r"Error merging override (.+)", re.DOTALL)
_SWEEP = re.compile(r"(?:Ambiguous value for argument|Sweep parameters) '(.+?)'(?:\n| requires)", re.DOTALL)
_NOT_A_CHOICE = "Config group override must be a string or a list"

# Hydra has a launcher only where its package is installed: what to install for each that Graft's files choose.
LAUNCHERS = {
    "joblib": "hydra-joblib-launcher",
    "ray": "graft[ray]",
    "submitit_local": "graft[slurm]",
    "submitit_slurm": "graft[slurm]",
}


@dataclass(frozen=True)
class Mistake:
    """An override that cannot be applied.

    Attributes:
        override: As typed.
        problem: What is wrong with it; `None` for an unknown key, which is told when the known ones are known.
        key: The full dotted key.
    """

    override: str
    problem: str | None
    key: str

    def told(self, cfg: DictConfig, groups: Iterable[str]) -> str:
        """Returns one sentence.

        Args:
            cfg: The configuration composed without the mistake.
            groups: Names of all config groups.
        """
        return self.problem or unknown_key(self.key, cfg, groups)


def find_mistake(error: Exception, overrides: list[Override]) -> Mistake | None:
    """Returns which override an exception of composing is about, or `None` when it is about none (but about a file)."""
    text = str(error)
    if isinstance(error, MissingConfigException):
        return _unknown_choice(error, overrides)
    if match := _UNKNOWN_KEY.search(text):
        return _mistake(overrides, match[1], None)
    if match := _TAKEN_KEY.search(text) or _TAKEN_GROUP.match(text):
        return _mistake(overrides, match[1], "'{line}': {key} is there already; leave out the `+`.")
    if match := _SWEEP.match(text):
        key, _, value = match[1].lstrip("+~").partition("=")
        several = "'{line}' holds several values: add -m to try one after the other, or write a list as {key}=[…]."
        if "/" in value:  # perhaps one path
            whole = quoted(value.replace("'", ""))
            several += f' One path with a comma in it: "{key}={whole}".'
        return _mistake(overrides, key, several)
    if match := _NOT_MERGED.match(text):
        return _mistake(overrides, match[1].lstrip("+~").partition("=")[0], "'{line}': " + _first_line(error.__cause__))
    if _NOT_A_CHOICE in text:
        return _not_a_choice(overrides)
    return None


def as_config_error(error: Exception) -> GraftError | None:
    """Returns an exception of composing as a `ConfigError`, or `None` when it is of another kind."""
    if isinstance(error, GraftError):
        return error
    mark = getattr(error, "problem_mark", None)  # of YAML's errors
    if mark is not None:
        place = f"{mark.name}, line {mark.line + 1}, column {mark.column + 1}"
        return ConfigError(f"{place}: this is no valid YAML: {getattr(error, 'problem', '')}.")
    if isinstance(error, MissingConfigException) and "/" in str(error.missing_cfg_file):
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        return ConfigError(f"{group}: {choice}, in the defaults of a file: {_choices(group, choice)}")
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        key = getattr(error, "full_key", None)
        return ConfigError((f"{key}: " if key else "") + _first_paragraph(error))
    return None


def _mistake(overrides: list[Override], key: str, problem: str | None) -> Mistake | None:
    for override in overrides:
        if override.key_or_group == key:
            line = str(override.input_line)
            told = problem.replace("{line}", line).replace("{key}", key) if problem else None
            return Mistake(line, told, key)
    return None


def _unknown_choice(error: MissingConfigException, overrides: list[Override]) -> Mistake | None:
    missing = str(error.missing_cfg_file)
    for override in overrides:
        group = override.key_or_group
        if missing.startswith(f"{group}/"):
            choice = missing.removeprefix(f"{group}/")
            return _mistake([override], group, f"{group}={choice}: {_choices(group, choice)}")
    return None


def _choices(group: str, choice: str) -> str:
    if group == "hydra/launcher" and choice in LAUNCHERS:
        return f"it needs a package that is not installed: pip install '{LAUNCHERS[choice]}'."
    hydra = GlobalHydra.instance().hydra
    choices = hydra.config_loader.get_group_options(group) if hydra else []
    if not choices:
        return f"there is no such file, nor any other in the group {group}."
    other = f" Any name of timm: {group}=timm {group}.model={choice}." if "timm" in choices else ""
    return f"no such choice.{did_you_mean(choice, choices)} Choices: {', '.join(choices)}.{other}"


def _not_a_choice(overrides: list[Override]) -> Mistake | None:
    """Hydra does not say which override it means."""
    for override in overrides:
        value = override.value()
        if "." not in override.key_or_group and not isinstance(value, (str, list)):
            group = override.key_or_group
            several = f" None at all: {group}=[]." if value is None else ""
            problem = f"'{override.input_line}': {group} takes the name of a file in its group.{several}"
            if mistake := _mistake([override], group, problem):
                return mistake
    return None


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0].rstrip(".") + "."


def _first_paragraph(error: Exception) -> str:
    text = str(error) or str(error.__cause__)
    return text.partition("\n\n")[0].partition("\nSearch path:")[0].partition("\n    full_key:")[0].strip()
