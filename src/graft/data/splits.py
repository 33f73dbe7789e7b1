"""Which row is learnt from, which one chooses, which one judges. Pure: numbers in, row numbers out."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.folds import Fold, hold_out_fold
from graft.data.table import Rows
from graft.errors import ConfigError, GraftError, many

SPLITS = ("train", "val", "test")


def split_rows(
    strata: NDArray[Any],
    *,
    test: float,
    val: float,
    seed: int,
    groups: NDArray[Any] | None = None,
    given: Mapping[str, Rows] | None = None,
    fold: Fold | None = None,
    val_fold: Fold | None = None,
) -> dict[str, Rows]:
    """Cuts off the test split, then the validation split; the rest is for training.

    Args:
        strata: (n,) values; each split has the same mixture of them.
        test: share of all rows, 0 … 1; not used when the test split is given.
        val: share of the rows that are not test; not used when the validation split is given.
        seed: the same seed gives the same splits.
        groups: (n,) values; all rows of one value get into the same split.
        given: splits that are fixed beforehand, no row in two; the others are cut from "train", or from what is left.
        fold: the part of the rows that is the test split, in the place of the share `test`.
        val_fold: the part of the others that is the validation split, in the place of the share `val`.

    Raises:
        GraftError: there are too few rows for the shares, or a group lies in two given splits.
    """
    splits = dict(given or {})
    folds = {"test": fold, "val": val_fold}
    for name, part in folds.items():
        if part is not None and name in splits:
            raise ConfigError(f"{part}, but the {name} split is given by the data: set it to null.")
    left = np.setdiff1d(np.arange(len(strata)), np.concatenate([np.empty(0, np.int64), *splits.values()]))
    rest = splits.pop("train", left)
    if groups is not None:
        _check_number(groups[rest], 1 + len({"test", "val"} - splits.keys()))
    for name, share in (("test", test), ("val", val)):
        if name in splits:
            continue
        # The validation split needs a group of every stratum for itself and one for training.
        spare = 2 if name == "test" and "val" not in splits else 1
        if (part := folds[name]) is not None:
            rest, splits[name] = hold_out_fold(rest, strata, groups, part, seed)
        elif groups is None:
            rest, splits[name] = _hold_out(rest, strata, share, seed, name)
        else:
            rest, splits[name] = _hold_out_groups(rest, strata, groups, share, seed, spare)
    splits["train"] = rest
    _check_disjoint(splits)
    if groups is not None:
        _check_groups(splits, groups)
    return {name: splits[name] for name in SPLITS}


def _hold_out(rows: Rows, strata: NDArray[Any], share: float, seed: int, name: str) -> tuple[Rows, Rows]:
    from sklearn.model_selection import train_test_split  # 1 s to import

    counts = np.unique(strata[rows], return_counts=True)[1]
    held_out = math.ceil(share * len(rows))
    if min(counts, default=0) < 2 or not len(counts) <= held_out <= len(rows) - len(counts):
        raise GraftError(
            f"Too few samples for a {name} split: datamodule.split.{name}={share} of {many(len(rows), 'sample')} makes "
            f"{held_out}, of {many(len(counts), 'kind')} to share out, the rarest with {min(counts, default=0)}. "
            f"Each kind needs a sample on both sides: add samples, or change datamodule.split.{name}."
        )
    rest, out = train_test_split(rows, test_size=share, stratify=strata[rows], random_state=seed)
    return rest, out


def _hold_out_groups(
    rows: Rows, strata: NDArray[Any], groups: NDArray[Any], share: float, seed: int, spare: int
) -> tuple[Rows, Rows]:
    """Holds out whole groups whose strata come as near to their shares as can be found.

    Groups in random order are held out as long as that brings the counts nearer; then single groups change
    sides for as long as one does. scikit-learn's StratifiedGroupKFold knows equal folds only: no share of
    0.15, empty folds where there are few groups. `spare` is the number of groups of every stratum to leave.
    """
    group = np.unique(groups[rows], return_inverse=True)[1]
    stratum = np.unique(strata[rows], return_inverse=True)[1]
    counts = np.zeros((group.max(initial=-1) + 1, stratum.max(initial=-1) + 1))
    np.add.at(counts, (group, stratum), 1)
    present = (counts > 0).astype(float)
    total, total_present = counts.sum(0), present.sum(0)

    def loss(held: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance from the shares, (…, strata) -> (…); a stratum lacking on a side outweighs any."""
        far = (((held / total) - share) ** 2).sum(-1)
        lacking = (members < 1) | (total_present - members < spare)
        return np.asarray(far + lacking.sum(-1))

    out = np.zeros(len(counts), dtype=bool)
    held, members = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])  # of the groups in `out`, kept up to date
    for candidate in np.random.default_rng(seed).permutation(len(counts)):
        if loss(held + counts[candidate], members + present[candidate]) < loss(held, members):
            out[candidate] = True
            held, members = held + counts[candidate], members + present[candidate]
    while len(counts):
        side = np.where(out, -1, 1)[:, None]  # what changing sides does to what is held out
        after = loss(held + side * counts, members + side * present)
        best = int(after.argmin())
        if after[best] >= loss(held, members) - 1e-12:
            break
        held, members = held + side[best] * counts[best], members + side[best] * present[best]
        out[best] = not out[best]
    return rows[~out[group]], rows[out[group]]


def _check_disjoint(splits: Mapping[str, Rows]) -> None:
    rows = np.concatenate(list(splits.values()))
    if len(np.unique(rows)) < len(rows):
        raise ValueError("a row lies in two splits")


def _check_number(groups: NDArray[Any], needed: int) -> None:
    """Each split that is cut needs a group of its own, and one stays for training."""
    if (has := len(np.unique(groups))) < needed:
        name = f": {str(groups[0])!r}" if has == 1 else ""
        raise GraftError(
            f"The samples are of {'only one group' if has == 1 else f'{has} groups'}{name}, but {needed} splits need"
            " one each. Have them grouped by something finer, or by nothing."
        )


def _check_groups(splits: Mapping[str, Rows], groups: NDArray[Any]) -> None:
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        if len(both := np.intersect1d(groups[splits[first]], groups[splits[second]])):
            raise GraftError(
                f"{many(len(both), 'group')} in two splits: {str(both[0])!r} is in {first} and in {second}. Put all"
                " samples of a group into one of the splits that the data name, or have them grouped by something else."
            )


def count_classes(targets: NDArray[Any], number: int) -> NDArray[np.int64]:
    """Returns how many samples have each class, or each label; targets are (n,) or (n, labels)."""
    return targets.sum(axis=0) if targets.ndim > 1 else np.bincount(targets, minlength=number)


def check_classes(
    splits: Mapping[str, Rows], targets: NDArray[Any], classes: Sequence[str], given: Collection[str] = ()
) -> list[str]:
    """Makes sure that every split holds every class, or a sample of every label.

    Args:
        splits: rows of each.
        targets: as in a table.
        classes: their names.
        given: the splits that are fixed beforehand; to judge by such a one that lacks a class is the user's choice.

    Returns:
        What to warn of: a sentence for each split that is fixed, is not for training, and lacks a class.

    Raises:
        GraftError: names the first class that another split lacks.
    """
    what, noun = ("Label", "labels") if targets.ndim > 1 else ("Class", "classes")
    warned = []
    for name in SPLITS:
        absent = np.flatnonzero(count_classes(targets[splits[name]], len(classes)) == 0)
        if not len(absent):
            continue
        first = f"{what} {classes[absent[0]]!r} is absent from the {name} split"
        if name in given and name != "train":
            more = f", and so are {len(absent) - 1} more" if len(absent) > 1 else ""
            warned.append(
                f"{first} that the data prescribe{more}. Means over the classes leave it out there, but for macro F1,"
                " which counts it as 0 where it is predicted."
            )
            continue
        total = int(count_classes(targets, len(classes))[absent[0]])
        remedy = (
            "The data prescribe this split (in the column of datamodule.columns.split, or by folders or parts): put"
            f" samples of it there, or leave rare {noun} out of the data."
            if name in given or (given and name == "train")
            else "Add samples of it (in other groups, where samples are grouped), leave rare"
            f" {noun} out of the data, or change datamodule.split."
        )
        raise GraftError(f"{first}; it has {many(total, 'sample')} in all. {remedy}")
    return warned


def take_shots(rows: Rows, targets: Rows, shots: int, seed: int, classes: Sequence[str]) -> Rows:
    """Keeps `shots` rows of every class; fewer shots with the same seed are a part of more shots.

    Raises:
        GraftError: a class has fewer rows.
    """
    rank = _rank_in_class(targets[rows], seed)
    for target, name in enumerate(classes):
        if (has := int((targets[rows] == target).sum())) < shots:
            raise GraftError(
                f"datamodule.shots={shots}, but class {name!r} has {many(has, 'training sample')}: at most {has}."
            )
    return rows[rank < shots]


def take_limit(rows: Rows, targets: Rows, limit: int, seed: int) -> Rows:
    """Keeps at most `limit` rows: one of every class while there is room, then by the classes' shares."""
    labels = targets[rows]
    rank = _rank_in_class(labels, seed)
    place = np.where(rank == 0, 0.0, (rank + 0.5) / np.bincount(labels)[labels])
    chosen = np.lexsort((np.random.default_rng(seed).permutation(len(rows)), place))[:limit]
    return rows[np.sort(chosen)]


def _rank_in_class(labels: Rows, seed: int) -> Rows:
    """Numbers the members of every class from 0 on in a random order."""
    order = np.random.default_rng(seed).permutation(len(labels))
    rank = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    return rank
