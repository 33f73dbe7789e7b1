import numpy as np
import pytest

from graft.data.splits import check_classes, split_rows, take_limit, take_shots
from graft.errors import GraftError

CLASSES = ["cat", "dog"]


def test_every_row_lies_in_exactly_one_split_with_the_same_mixture():
    strata = np.repeat(["a", "b", "c"], [200, 100, 20])
    splits = split_rows(strata, test=0.25, val=0.2, seed=3)
    assert sorted(np.concatenate(list(splits.values()))) == list(range(320))
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 192, "val": 48, "test": 80}
    for name, share in (("train", 0.6), ("val", 0.15), ("test", 0.25)):
        assert np.unique(strata[splits[name]], return_counts=True)[1].tolist() == [
            200 * share,
            100 * share,
            20 * share,
        ]


def test_the_seed_decides():
    strata = np.repeat([0, 1], 50)
    first, again, other = (split_rows(strata, test=0.25, val=0.2, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert set(first["test"]) != set(other["test"])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("sizes", [(1, 12), (1, 40), (5, 6)])
def test_groups_stay_whole_and_shares_are_kept(seed: int, sizes: tuple[int, int]):
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), random.integers(*sizes, 60))
    strata = (random.random(60) < 0.3).astype(int)[groups]  # all rows of a group are of one class
    splits = split_rows(strata, test=0.25, val=0.15, seed=seed, groups=groups)
    assert sorted(np.concatenate(list(splits.values()))) == list(range(len(groups)))
    for stratum in (0, 1):
        total = (strata == stratum).sum()
        for name, share in (("test", 0.25), ("val", 0.1125)):
            has = (strata[splits[name]] == stratum).sum() / total
            assert abs(has - share) < 0.05, (name, stratum, has)
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not set(groups[splits[first]]) & set(groups[splits[second]])


@pytest.mark.parametrize("seed", range(20))
def test_three_groups_of_a_rare_class_go_to_three_splits(seed: int):
    groups = np.repeat(np.arange(23), 10)
    strata = (groups >= 20).astype(int)
    splits = split_rows(strata, test=0.6, val=0.15, seed=seed, groups=groups)
    check_classes(splits, strata, CLASSES)


def test_shares_are_kept_for_groups_of_many_classes():
    """Where taking groups one by one is not enough: without changing sides, the mean is 0.1."""
    far = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        groups = np.repeat(np.arange(40), random.integers(1, 20, 40))
        strata = (random.integers(0, 5, 40)[groups] + (random.random(len(groups)) < 0.2)) % 5
        test = split_rows(strata, test=0.25, val=0.15, seed=seed, groups=groups)["test"]
        far += [np.abs(np.bincount(strata[test], minlength=5) / np.bincount(strata) - 0.25).max()]
    assert np.mean(far) < 0.06


def test_a_group_in_two_given_splits_is_an_error():
    given = {"train": np.arange(6), "test": np.arange(6, 10)}
    groups = np.array([0, 0, 1, 1, 2, 3, 3, 4, 4, 4])
    with pytest.raises(GraftError, match="'3' is in train and in test"):
        split_rows(np.array([0, 1] * 5), test=0.25, val=0.3, seed=0, groups=groups, given=given)


def test_given_splits_are_left_alone_and_the_missing_one_is_cut_from_train():
    given = {"train": np.arange(0, 80), "test": np.arange(80, 100)}
    splits = split_rows(np.tile([0, 1], 50), test=0.9, val=0.1, seed=0, given=given)
    assert splits["test"].tolist() == list(range(80, 100))
    assert len(splits["val"]) == 8
    assert sorted([*splits["train"], *splits["val"]]) == list(range(80))


def test_too_few_samples_are_an_error_with_the_numbers():
    with pytest.raises(GraftError, match=r"datamodule\.split\.val=0\.15 of 6 samples makes 1, of 2 kinds"):
        split_rows(np.tile([0, 1], 4), test=0.25, val=0.15, seed=0)
    with pytest.raises(GraftError, match="the rarest with 1"):
        split_rows(np.array([0] * 50 + [1]), test=0.25, val=0.15, seed=0)


def test_a_class_absent_from_a_split_is_named():
    targets = np.array([0] * 60 + [1] * 3)
    splits = {"train": np.array([0, 60]), "val": np.array([1, 2]), "test": np.array([3, 61])}
    with pytest.raises(GraftError, match="'dog' is absent from the val split; it has 3 samples"):
        check_classes(splits, targets, CLASSES)


def test_what_a_given_split_lacks_is_warned_of_except_for_training():
    targets = np.array([0] * 60 + [1] * 3)
    splits = {"train": np.array([0, 60]), "val": np.array([1, 2]), "test": np.array([3, 61])}
    (said,) = check_classes(splits, targets, CLASSES, given={"train", "val"})
    assert said.startswith("Class 'dog' is absent from the val split that the data prescribe. Means over")
    with pytest.raises(GraftError, match=r"the val split; .* or change datamodule\.split\.$"):  # it was cut by shares
        check_classes(splits, targets, CLASSES, given={"train", "test"})
    splits = {"train": np.array([0, 1]), "val": np.array([2, 60]), "test": np.array([3, 61])}
    with pytest.raises(GraftError, match=r"the train split; .* The data prescribe this split [^$]*: put samples of it"):
        check_classes(splits, targets, CLASSES, given={"test"})


def test_shots_are_nested_and_seeded():
    targets, rows = np.tile([0, 1], 50), np.arange(10, 90)
    five, twenty = (take_shots(rows, targets, shots, 0, CLASSES) for shots in (5, 20))
    assert np.bincount(targets[five]).tolist() == [5, 5]
    assert set(five) < set(twenty) < set(rows)
    assert set(five) != set(take_shots(rows, targets, 5, 1, CLASSES))


def test_too_many_shots_are_an_error():
    with pytest.raises(GraftError, match=r"shots=3, but class 'dog' has 2 training samples"):
        take_shots(np.arange(12), np.array([0] * 10 + [1] * 2), 3, 0, CLASSES)


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_keeps_rare_classes_and_proportions(seed: int):
    targets = np.repeat([0, 1, 2], [600, 300, 1])
    kept = take_limit(np.arange(901), targets, 31, seed)
    counts = np.bincount(targets[kept], minlength=3)
    assert counts.sum() == 31
    assert counts[2] == 1
    assert abs(counts[0] - 2 * counts[1]) <= 3
    assert set(targets[take_limit(np.arange(901), targets, 3, seed)]) == {0, 1, 2}
    assert len(take_limit(np.arange(5), targets, 31, seed)) == 5


def test_a_given_test_split_alone_is_never_learnt_from():
    splits = split_rows(np.tile([0, 1], 50), test=0.25, val=0.1, seed=0, given={"test": np.arange(80, 100)})
    assert splits["test"].tolist() == list(range(80, 100))
    assert sorted([*splits["train"], *splits["val"]]) == list(range(80))


def test_a_row_in_two_given_splits_is_refused():
    given = {"train": np.arange(0, 80), "test": np.arange(79, 100)}
    with pytest.raises(ValueError, match="two splits"):
        split_rows(np.tile([0, 1], 50), test=0.25, val=0.1, seed=0, given=given)


def test_one_group_only_is_told():
    with pytest.raises(GraftError, match="only one group: 'me', but 3 splits need"):
        split_rows(np.tile([0, 1], 50), test=0.25, val=0.1, seed=0, groups=np.full(100, "me"))


def test_a_label_absent_from_a_split_is_called_a_label():
    targets = np.array([[1, 0]] * 9 + [[1, 1]])
    splits = {"train": np.arange(0, 4), "val": np.arange(4, 7), "test": np.arange(7, 10)}
    with pytest.raises(GraftError, match="Label 'dog' is absent from the train split"):
        check_classes(splits, targets, CLASSES)
