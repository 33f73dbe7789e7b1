"""The search space: what is varied, and what is the same in all trials; nothing heavy is imported here."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString

from graft.config.overrides import choices, parse
from graft.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Interval:
    """Numbers between two; whole ones if both are.

    Attributes:
        low, high: Both included.
        log: Sampled by its logarithm.
    """

    low: float
    high: float
    log: bool


@dataclass(frozen=True)
class Space:
    """A search space.

    Attributes:
        fixed: Overrides that all trials share.
        own: Those of them that the search brings along, by key; the configuration as composed does not have them.
        varied: By key, as it stands on a command line: the choices, each as a value in Hydra's grammar, or an interval.
    """

    fixed: list[str]
    own: dict[str, Any]
    varied: dict[str, list[str] | Interval]

    def overrides(self, params: Params) -> list[str]:
        """Returns the command line of the trial with these values."""
        return [*self.fixed, *(f"{key}={params[key]}" for key in self.varied)]

    def grid(self) -> Iterator[dict[str, str]]:
        """Yields every combination of the choices.

        Raises:
            ConfigError: An interval has no end of values.
        """
        endless = [key for key, values in self.varied.items() if isinstance(values, Interval)]
        if endless:
            raise ConfigError(
                f"{endless[0]}: an interval has no end of values to go through: name some, {endless[0]}=a,b,c, or take"
                " a search that samples, such as sweep=tpe."
            )
        lists = [values for values in self.varied.values() if isinstance(values, list)]
        return (dict(zip(self.varied, combination, strict=True)) for combination in itertools.product(*lists))

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Returns what Optuna samples from."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        def distribution(values: list[str] | Interval) -> "BaseDistribution":
            if isinstance(values, list):
                return CategoricalDistribution(values)
            if isinstance(values.low, int) and isinstance(values.high, int):
                return IntDistribution(values.low, values.high, log=values.log)
            return FloatDistribution(values.low, values.high, log=values.log)

        return {key: distribution(values) for key, values in self.varied.items()}


def read_space(params: Mapping[str, Any], arguments: Sequence[str]) -> Space:
    """Reads a search space.

    Args:
        params: Of the configuration: key to values.
        arguments: Of the command line, which count for the keys that both name.

    Raises:
        ConfigError: A range is empty, or on a logarithmic scale from 0 or below.
    """
    said_by_search = brought(params)
    lines = [*said_by_search, *arguments]
    last = {_plain(override): override for override in parse(lines)}
    searched = [each for each in last.values() if each.is_sweep_override()]
    varied = {
        each.get_key_element(): _interval(each) if each.is_interval_sweep() else choices(each) for each in searched
    }
    fixed = {str(each.input_line): each for each in last.values() if not each.is_sweep_override()}
    own = {each.get_key_element(): _plain_value(each) for line, each in fixed.items() if line in said_by_search}
    return Space(list(fixed), own, varied)


def brought(params: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Returns what a search brings along, as on a command line.

    Args:
        params: Of the configuration; `hydra.sweeper.params.trainer.max_epochs=…` makes a mapping within it.
        prefix: Of its keys.
    """
    lines: list[str] = []
    for key, value in params.items():
        if isinstance(value, Mapping):
            lines += brought(value, f"{prefix}{key}.")
        else:
            lines.append(f"{prefix}{key}={'null' if value is None else value}")
    return lines


def _plain(override: Override) -> str:
    return override.get_key_element().lstrip("+~")


def _plain_value(override: Override) -> Any:
    value = override.value()
    return value.text if isinstance(value, QuotedString) else value


def _interval(override: Override) -> Interval:
    value = override.value()
    assert isinstance(value, IntervalSweep)
    low, high, log = value.start, value.end, "log" in value.tags
    if low is None or high is None or not low < high:
        raise ConfigError(f"'{override.input_line}' is empty: from {low} to {high}.")
    if log and low <= 0:
        raise ConfigError(f"'{override.input_line}': a logarithmic scale has no {low:g}; begin above 0.")
    return Interval(low, high, log)
