"""How much each setting counts: what a random forest loses on runs it has not seen when that setting is shuffled."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graft.comparing.settings import Settings, is_number, written

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
        Nothing, where there are less than `FEWEST` runs or four configurations, no keys, or no differences in the
        metric.
    """
    target = np.array(scores)
    if len(target) < FEWEST or not keys or np.ptp(target) == 0:
        return None
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import GroupKFold

    columns = np.array([_encoded([row.get(key) for row in settings]) for key in keys]).T
    # Seeds of a configuration are left out together: a forest that has seen one of them would know the others' score.
    same = np.unique(np.nan_to_num(columns, nan=-1e300), axis=0, return_inverse=True)[1].ravel()
    if same.max() + 1 < _PARTS:
        return None
    squares = float(np.sum((target - target.mean()) ** 2))
    left, lost = 0.0, np.zeros(len(keys))
    for learnt, unseen in GroupKFold(_PARTS, shuffle=True, random_state=_SEED).split(columns, groups=same):
        forest = RandomForestRegressor(_TREES, random_state=_SEED).fit(columns[learnt], target[learnt])
        error = {"scoring": "neg_mean_squared_error", "n_repeats": _SHUFFLES, "random_state": _SEED}
        lost += permutation_importance(forest, columns[unseen], target[unseen], **error).importances_mean * len(unseen)
        left += float(np.sum((forest.predict(columns[unseen]) - target[unseen]) ** 2))
    by_key = dict(zip(keys, (lost / 2 / squares).tolist(), strict=True))
    return Importance(1 - left / squares, dict(sorted(by_key.items(), key=lambda pair: -pair[1])))


def _encoded(values: Sequence[Any]) -> list[float]:
    """Values as a tree takes them: NaN for what is not set; names by number, in an order that knows of no score."""
    if all(is_number(value) or value is None for value in values):
        return [math.nan if value is None else float(value) for value in values]
    numbers = {name: float(number) for number, name in enumerate(sorted(set(map(written, values))))}
    return [numbers[written(value)] for value in values]
