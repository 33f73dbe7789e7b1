"""Cross-validation: the rows are cut into parts, of which each run holds out another one."""

import re
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from graft.data.table import Rows
from graft.errors import ConfigError, GraftError, many


class Fold(NamedTuple):
    """One of the parts of a cross-validation.

    Attributes:
        key: where the config says it, below `datamodule.split`.
        number: from 1 on.
        folds: how many there are, at least 2.
    """

    key: str
    number: int
    folds: int

    @classmethod
    def parse(cls, key: str, words: Any) -> Self | None:
        """Reads "2 of 5", or "2/5", which needs no quotes on the command line; None stays None.

        Raises:
            ConfigError: it says something else, or there is no such fold.
        """
        if words is None:
            return None
        said = re.fullmatch(r"\s*(\d+)\s*(?:\bof\b|/)\s*(\d+)\s*", str(words))
        if said is None:
            raise ConfigError(f"datamodule.split.{key}={words}: say it like '2 of 5', or 2/5.")
        fold = cls(key, int(said[1]), int(said[2]))
        if fold.folds < 2 or not 1 <= fold.number <= fold.folds:
            raise ConfigError(f"datamodule.split.{key}={words}: choose 1 of 2 or more, up to the last of them.")
        return fold

    def __str__(self) -> str:
        return f"datamodule.split.{self.key}={self.number} of {self.folds}"


def hold_out_fold(
    rows: Rows, strata: NDArray[Any], groups: NDArray[Any] | None, fold: Fold, seed: int
) -> tuple[Rows, Rows]:
    """Returns the other rows, and those of the fold; each row is in one fold, and each fold has the same mixture.

    Args:
        rows: to share out.
        strata: (n,) of all rows.
        groups: (n,) of all rows; those of one value get into the same fold.
        fold: which one, of how many.
        seed: the same for all folds, else they overlap.

    Raises:
        GraftError: there are too few rows or groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # 1 s to import

    if groups is not None and (has := len(np.unique(groups[rows]))) < fold.folds:
        raise GraftError(f"{fold}: the samples to share out are of {many(has, 'group')}: at most {many(has, 'fold')}.")
    if (most := int(np.unique(strata[rows], return_counts=True)[1].max(initial=0))) < fold.folds:
        raise GraftError(
            f"{fold}: no kind of sample occurs more than {many(most, 'time')}: at most {many(most, 'fold')}."
        )
    make = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = make(fold.folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings(action="ignore"):  # of strata rarer than folds: `check_folds` looks at classes
        parts = list(folds.split(rows, strata[rows], None if groups is None else groups[rows]))
    rest, held = parts[fold.number - 1]
    return rows[rest], rows[held]


def check_folds(fold: Fold, counts: NDArray[np.int64], classes: Sequence[str]) -> None:
    """Makes sure that no fold must lack a class, or a label: else a sweep would fail in some folds only.

    Args:
        fold: one of them.
        counts: (classes,) samples of each that the folds share out.
        classes: their names.

    Raises:
        GraftError: names the rarest class.
    """
    rarest = int(counts.argmin())
    if counts[rarest] < fold.folds:
        raise GraftError(
            f"{fold}: {classes[rarest]!r} has {many(int(counts[rarest]), 'sample')} to share out among the folds. Take"
            " fewer folds, add samples of it, or leave it out of the data."
        )
