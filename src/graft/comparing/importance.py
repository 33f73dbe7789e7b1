"""How much each setting counts: what a random forest loses on unseen runs when they get it from other runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.comparing.settings import Settings, is_number, written

FEWEST = 12  # finished runs; with less, a forest learns the runs and not the settings
_PARTS = 4  # of the runs, each of which is left out once
_TREES = 40
_DRAWN = 5000  # unseen runs with a setting of another one, at most as long as each gets three
_SEED = 0


@dataclass(frozen=True)
class Importance:
    """What settings explain of a metric.

    Attributes:
        explained: R² of the forest on runs that it has not seen: 1 all of what differs between runs, 0 nothing.
        shares: By setting, the share of the metric's variance that goes with it in the forest, alone and together with
            others; the largest first. About 0, on either side, is nothing.
    """

    explained: float
    shares: dict[str, float]


def importance(settings: Sequence[Settings], keys: Sequence[str], scores: Sequence[float]) -> Importance | None:
    """Estimates permutation importance (Breiman 2001) with cross-validation, so that noise counts for nothing.

    Half of the squared error that comes with a value of another run is the total effect of a setting, as a part of the
    variance (Jansen 1999), where settings are varied independently; those that vary together share what they explain.
    The values come from all runs, as the variance does: among the few that are unseen together, each would too often
    be drawn for itself. It is the effect in the forest, and less than the true one by what the forest does not learn.
    Imports scikit-learn, which takes seconds.

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
    from sklearn.model_selection import GroupKFold

    columns = np.array([_encoded([row.get(key) for row in settings]) for key in keys]).T
    # Seeds of a configuration are left out together: a forest that has seen one of them would know the others' score.
    same = np.unique(np.nan_to_num(columns, nan=-1e300), axis=0, return_inverse=True)[1].ravel()
    if same.max() + 1 < _PARTS:
        return None
    squares = float(np.sum((target - target.mean()) ** 2))
    left, lost = 0.0, np.zeros(len(keys))
    givers = _givers(len(target))
    for learnt, unseen in GroupKFold(_PARTS, shuffle=True, random_state=_SEED).split(columns, groups=same):
        forest = RandomForestRegressor(_TREES, random_state=_SEED).fit(columns[learnt], target[learnt])
        error = float(np.sum((forest.predict(columns[unseen]) - target[unseen]) ** 2))
        left += error
        turns = givers.shape[1]
        truth = np.repeat(target[unseen], turns)
        for column in range(len(keys)):
            changed = np.repeat(columns[unseen], turns, axis=0)
            changed[:, column] = columns[givers[unseen].ravel(), column]
            lost[column] += float(np.sum((forest.predict(changed) - truth) ** 2)) / turns - error
    by_key = dict(zip(keys, (lost / 2 / squares).tolist(), strict=True))
    return Importance(1 - left / squares, dict(sorted(by_key.items(), key=lambda pair: -pair[1])))


def _givers(runs: int) -> NDArray[np.int64]:
    """From which runs each one gets a value in its place, (runs, turns): from all, itself included, or, of many, some.

    Each gives as often as any other one.
    """
    draw = np.random.default_rng(_SEED)
    order, turns = draw.permutation(runs), min(runs, max(3, _DRAWN // runs))
    places = np.argsort(order)[:, None] + draw.permutation(runs)[:turns]
    return np.asarray(order[places % runs])


def _encoded(values: Sequence[Any]) -> list[float]:
    """Values as a tree takes them: NaN for what is not set; names by number, in an order that knows of no score."""
    if all(is_number(value) or value is None for value in values):
        return [math.nan if value is None else float(value) for value in values]
    numbers = {name: float(number) for number, name in enumerate(sorted(set(map(written, values))))}
    return [numbers[written(value)] for value in values]
