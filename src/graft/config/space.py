"""The search space: what is varied, and what is the same in all trials; nothing heavy is imported here."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException

from graft.config.overrides import parse
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
        varied: By key, as it stands on a command line: the choices, each as a value in Hydra's grammar, or an interval.
    """

    fixed: list[str]
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
        choices = [values for values in self.varied.values() if isinstance(values, list)]
        return (dict(zip(self.varied, combination, strict=True)) for combination in itertools.product(*choices))

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


def read_space(params: Mapping[str, Any], arguments: Sequence[str], loader: Any = None) -> Space:
    """Reads a search space.

    Args:
        params: Of the configuration: key to values.
        arguments: Of the command line, which count for the keys that both name.
        loader: Hydra's, where choices may be `glob(…)`.

    Raises:
        ConfigError: A range is empty, or on a logarithmic scale from 0 or below.
    """
    parser = OverridesParser.create(config_loader=loader) if loader else None
    lines = [*(f"{key}={value}" for key, value in params.items()), *arguments]
    said = parser.parse_overrides(lines) if parser else parse(lines)
    last = {_plain(override): override for override in said}
    fixed, varied = [], {}
    for override in last.values():
        if override.is_sweep_override():
            varied[override.get_key_element()] = _values(override)
        else:
            fixed.append(str(override.input_line))
    return Space(fixed, varied)


def _plain(override: Override) -> str:
    return override.get_key_element().lstrip("+~")


def _values(override: Override) -> list[str] | Interval:
    if override.is_interval_sweep():
        return _interval(override)
    try:
        values = list(dict.fromkeys(override.sweep_string_iterator()))
    except HydraException as error:
        raise ConfigError(f"'{override.input_line}': {error}") from error
    if not values:
        raise ConfigError(f"'{override.input_line}' holds no value.")
    return values


def _interval(override: Override) -> Interval:
    value = override.value()
    assert isinstance(value, IntervalSweep)
    low, high, log = value.start, value.end, "log" in value.tags
    if low is None or high is None or not low < high:
        raise ConfigError(f"'{override.input_line}' is empty: from {low} to {high}.")
    if log and low <= 0:
        raise ConfigError(f"'{override.input_line}': a logarithmic scale has no {low:g}; begin above 0.")
    return Interval(low, high, log)
