"""k-fold cross-validation: runs that differ in nothing but which part validates."""

import numpy as np
import pytest

from graft.data.folds import Fold, check_folds
from graft.data.splits import split_rows
from graft.errors import ConfigError, GraftError

STRATA = np.repeat([0, 1, 2], [200, 100, 20])


def folds_of(number, key="val_fold", seed=0, strata=STRATA, **more):
    make = (Fold(key, each, number) for each in range(1, number + 1))
    return [split_rows(strata, test=0.25, val=0.15, seed=seed, **{key: fold}, **more) for fold in make]


def test_each_row_outside_the_test_split_validates_once_and_the_test_split_is_as_without_folds():
    plain = split_rows(STRATA, test=0.25, val=0.15, seed=0)
    parts = folds_of(5)
    validated = np.concatenate([splits["val"] for splits in parts])
    assert sorted(validated) == sorted(np.setdiff1d(np.arange(320), plain["test"]))
    for splits in parts:
        assert splits["test"].tolist() == plain["test"].tolist()
        assert sorted(np.concatenate(list(splits.values()))) == list(range(320))
        assert np.bincount(STRATA[splits["val"]]).tolist() == [30, 15, 3]


def test_the_split_seed_draws_the_folds():
    given = {"test": np.arange(0, 320, 4)}
    first, again, other = (folds_of(3, seed=seed, given=given)[0]["val"] for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_groups_stay_whole_and_are_shared_out_among_the_folds():
    groups = np.repeat(np.arange(60), 5)
    strata = (np.arange(60) % 3 == 0).astype(int)[groups]
    parts = folds_of(4, strata=strata, groups=groups)
    validated = np.concatenate([np.unique(groups[splits["val"]]) for splits in parts])
    assert sorted(validated) == sorted(set(groups) - set(groups[parts[0]["test"]]))
    for splits in parts:
        assert not set(groups[splits["val"]]) & set(groups[splits["train"]])
        assert abs(strata[splits["val"]].mean() - 1 / 3) < 0.1


def test_folds_of_the_test_split_go_with_folds_of_the_validation_split():
    strata = np.tile([0, 1], 45)
    outer, inner = Fold("fold", 2, 3), Fold("val_fold", 1, 2)
    splits = split_rows(strata, test=0.9, val=0.9, seed=0, fold=outer, val_fold=inner)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 30, "val": 30, "test": 30}


@pytest.mark.parametrize("words", ["2 of 5", "2/5", " 2 of 5 "])
def test_a_fold_is_said_in_words_or_as_a_fraction(words):
    assert Fold.parse("val_fold", words) == ("val_fold", 2, 5)


@pytest.mark.parametrize("words", ["6 of 5", "0/5", "1 of 1", "0", 3, "2of5", "-1/5"])
def test_what_is_no_fold_is_refused(words):
    with pytest.raises(ConfigError, match=rf"datamodule\.split\.val_fold={words}: (say it like|choose)"):
        Fold.parse("val_fold", words)


def test_folds_of_a_split_that_the_data_prescribe_are_refused():
    with pytest.raises(ConfigError, match=r"val_fold=1 of 3, but the val split is given by the data: set it to null"):
        folds_of(3, given={"val": np.arange(150, 250)})


def test_more_folds_than_groups_or_samples_of_a_class_are_refused():
    groups = np.repeat(np.arange(8), 40)
    with pytest.raises(GraftError, match=r"val_fold=1 of 7: the samples to share out are of \d groups: at most \d"):
        folds_of(7, groups=groups)
    with pytest.raises(GraftError, match=r"val_fold=1 of 200: no kind of sample occurs more than 150 times"):
        folds_of(200)
    with pytest.raises(GraftError, match=r"fold=1 of 5: 'dog' has 4 samples to share out .* fewer folds"):
        check_folds(Fold("val_fold", 1, 5), np.array([30, 4]), ["cat", "dog"])
    check_folds(Fold("val_fold", 1, 4), np.array([30, 4]), ["cat", "dog"])
