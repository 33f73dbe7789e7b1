"""How much each setting counts: what a random forest loses on runs it has not seen when that setting is shuffled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.comparing.settings import Settings, is_number, written

Floats = NDArray[np.float64]

FEWEST = 12  # finished runs; with less, a forest learns the runs and not the settings
_PARTS = 4  # of the runs, each of which is left out once
_TREES = 40
_SHUFFLES = 3
_SEED = 0


@dataclass(frozen=True)
class Importance:
    """What settings explain of a metric.

    Attributes:
        explained: R² of the forest on runs that it has not seen: 1 all of what differs between runs, 0 nothing.
        shares: By setting, the share of the metric's variance that goes with it, alone and together with others; the
            largest first. About 0, on either side, is nothing.
    """

    explained: float
    shares: dict[str, float]


def importance(settings: Sequence[Settings], keys: Sequence[str], scores: Sequence[float]) -> Importance | None:
    """Estimates permutation importance (Breiman 2001) with cross-validation, so that noise counts for nothing.

    Half of the squared error that comes with shuffling a setting is its total effect, as a part of the variance (Jansen
    1999), where settings are varied independently; those that vary together share what they explain. Imports
    scikit-learn, which takes seconds.

    Args:
        settings: Of each finished run.
        keys: Settings to look at.
        scores: The metric of each run.

    Returns:
        Nothing, where there are less than `FEWEST` runs, no keys, or no differences in the metric.
    """
    target = np.array(scores)
    if len(target) < FEWEST or not keys or np.ptp(target) == 0:
        return None
    columns, named = _encoded(settings, keys)
    squares = float(np.sum((target - target.mean()) ** 2))
    left, lost = 0.0, np.zeros(len(keys))
    from sklearn.inspection import permutation_importance

    for model, unseen in _forests(columns, named, target):
        error = {"scoring": "neg_mean_squared_error", "n_repeats": _SHUFFLES, "random_state": _SEED}
        lost += permutation_importance(model, columns[unseen], target[unseen], **error).importances_mean * len(unseen)
        left += float(np.sum((model.predict(columns[unseen]) - target[unseen]) ** 2))
    by_key = dict(zip(keys, (lost / 2 / squares).tolist(), strict=True))
    return Importance(1 - left / squares, dict(sorted(by_key.items(), key=lambda pair: -pair[1])))


def _forests(columns: Floats, named: list[int], target: Floats) -> Iterator[tuple[Any, NDArray[np.int64]]]:
    """Yields forests, and the rows that each has not seen: together all of them."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    for learnt, unseen in KFold(_PARTS, shuffle=True, random_state=_SEED).split(columns):
        one_hot = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), named), remainder="passthrough")
        model = make_pipeline(one_hot, RandomForestRegressor(_TREES, random_state=_SEED))
        yield model.fit(columns[learnt], target[learnt]), unseen


def _encoded(settings: Sequence[Settings], keys: Sequence[str]) -> tuple[Floats, list[int]]:
    """Returns a column for each setting, and which of them hold numbers of names instead of numbers; NaN: not set."""
    columns, named = [], []
    for place, key in enumerate(keys):
        values = [row.get(key) for row in settings]
        if all(is_number(value) or value is None for value in values):
            columns.append([np.nan if value is None else float(value) for value in values])
        else:
            numbers = {name: number for number, name in enumerate(dict.fromkeys(map(written, values)))}
            columns.append([float(numbers[written(value)]) for value in values])
            named.append(place)
    return np.array(columns).T, named
