import pytest

from graft.comparing.finding import run_folders
from graft.comparing.grouping import compared
from graft.comparing.reading import read_runs
from graft.comparing.verdict import incomplete, verdict
from graft.comparing.wording import seeds_of


@pytest.fixture
def two(folder):
    """Compares two rates, or `more`; `first`, `second`: scores by seed."""

    def make(first, second, more=None):
        for rate, scores in {0.1: first, 0.01: second, **(more or {})}.items():
            for seed, score in scores.items():
                path = folder(f"{rate} {seed}", score, seed, {"optimizer.lr": rate})
        return compared(*read_runs(sorted(path.parent.iterdir())), "val/auroc", "max")

    return make


@pytest.mark.parametrize(
    ("first", "second", "said", "unsaid"),
    [
        ({0: 0.9}, {1: 0.8}, ["No seed is common to both", "is rank 1 (1 seed)", "Nothing can be paired"], ["p ="]),
        ({0: 0.9}, {0: 0.8}, ["share one seed", "0: +0.100", "cannot be told from chance"], ["p ="]),
        ({0: 0.9, 1: 0.8}, {0: 0.7, 1: 0.75}, ["Over 2 shared seeds", "p = 0.34", "chance between seeds could be all",
                                              "By seed: 0: +0.200, 1: +0.050", "few pairs"], []),
        ({s: 0.9 + s / 1e3 for s in range(5)}, {s: 0.8 - s / 1e3 for s in range(5)},
         ["Over 5 shared seeds", "p = less than 0.0001", "more than chance"], ["By seed", "few"]),
        ({0: 0.75, 1: 0.5}, {0: 0.5, 1: 0.25}, ["differs from the runner-up by 0.25 in each"], ["p ="]),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_seeds_allow(two, first, second, said, unsaid):
    text = verdict(two(first, second))
    assert not [part for part in said if part not in text], text
    assert not [part for part in unsaid if part in text], text


def test_a_seed_that_only_one_of_them_has_makes_it_not_the_best(two):
    """Of the mean over six seeds, the sixth makes the rank; over the five that both have, the other one is better."""
    scores = dict(enumerate([0.84, 0.84, 0.85, 0.83, 0.84, 0.99]))
    comparison = two(scores, dict.fromkeys(range(5), 0.85))
    assert [each.settings["optimizer.lr"] for each in comparison.ranked] == [0.1, 0.01]
    assert comparison.best.settings["optimizer.lr"] == 0.01
    text = verdict(comparison)
    assert "not all the same: the best, rank 2 (5 seeds), and the runner-up, rank 1 (6 seeds), lead by the" in text
    assert "over the 5 seeds that both have (0, 1, 2, 3, 4). Over 5 shared seeds, the best is better" in text
    assert "better than the runner-up by 0.0100 on average" in text


FIVE = dict(enumerate([0.90, 0.95, 0.95, 0.95, 0.95])), dict(enumerate([0.93, 0.80, 0.80, 0.80, 0.80]))


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("stray", [{0: 0.5}, {42: 0.96}, {0: 0.99, 1: 0.99}])
def test_a_stray_run_neither_wins_nor_takes_seeds_from_the_others(two, mode, stray):
    """By the one seed that all three have, the second would be the best."""
    comparison = two(*FIVE, more={5.0: stray})
    comparison = compared(comparison.runs, {}, "val/auroc", mode)
    assert comparison.best.settings["optimizer.lr"] == (0.1 if mode == "max" else 0.01)
    text = verdict(comparison)
    rank = [each.settings["optimizer.lr"] for each in comparison.ranked].index(5.0) + 1
    seeds = "1 seed" if len(stray) == 1 else "2 seeds"
    assert text.startswith(f"Left out here for few seeds: rank {rank} ({seeds}); the other 2 have at least 5, and of")
    assert f"these the best is rank {1 + (rank == 1)} (5 seeds). Over 5 shared seeds, the best is better" in text


def test_a_run_more_makes_no_configuration_the_only_one(two):
    comparison = two(*FIVE, more={5.0: dict.fromkeys(range(6), 0.7)})
    assert comparison.best.settings["optimizer.lr"] == 0.1
    assert "all 3 have (0, 1, 2, 3, 4). Over 5 shared seeds, the best is better" in verdict(comparison)


def test_with_a_seed_each_all_are_rivals(two):
    comparison = two({0: 0.7}, {0: 0.8}, more={5.0: {0: 0.9}})
    assert comparison.best.settings["optimizer.lr"] == 5.0
    assert verdict(comparison).startswith("The best and the runner-up share one seed; there, the difference is 0.100.")


def test_groups_that_share_no_seed_are_chosen_from_by_rank_and_not_tested(two):
    comparison = two({0: 0.9, 1: 0.8}, {0: 0.8, 1: 0.6}, more={5.0: {2: 0.9, 3: 0.9}, 6.0: {2: 0.5, 3: 0.6}})
    assert comparison.best.settings["optimizer.lr"] == 5.0
    text = verdict(comparison)
    assert "No seed is common to all 4" in text
    assert "the best is rank 1 (2 seeds), the runner-up rank 2 (2 seeds). Nothing can be paired" in text
    assert "p =" not in text


def test_the_best_is_better_over_the_seeds_of_the_test(two):
    """By the seeds that all three have, the second leads; by the three that it shares with the first, it does not."""
    comparison = two({0: 0.8, 1: 0.8, 2: 0.8}, {0: 0.9, 1: 0.9, 2: 0.5}, more={5.0: {0: 0.1, 1: 0.1, 3: 0.1}})
    assert comparison.best.settings["optimizer.lr"] == 0.01
    assert "Over 2 shared seeds, the best differs from the runner-up by 0.100 in each." in verdict(comparison)


def test_of_those_that_share_no_seed_the_one_with_more_seeds_is_the_best(two):
    comparison = two(FIVE[0], {42: 0.96})
    assert comparison.best.settings["optimizer.lr"] == 0.1
    assert "the best is rank 2 (5 seeds), the runner-up rank 1 (1 seed). Nothing" in verdict(comparison)


def test_splits_of_their_own_are_no_independent_pairs(folder):
    """The recorded run holds 15 % out; differences of 0.1, 0.11, … 0.14."""
    for rate in (0.1, 0.01):
        for seed in range(5):
            drawn = {"optimizer.lr": rate, "datamodule.split.seed": "${seed}"}
            path = folder(f"{rate} {seed}", 0.8 if rate == 0.1 else 0.9 + seed / 100, seed, drawn)
    text = verdict(compared(*read_runs(sorted(path.parent.iterdir())), "val/auroc", "max"))
    assert "corrected for the training samples that the splits share (Nadeau and Bengio 2003)" in text
    for config in path.parent.glob("*/config.yaml"):
        config.write_text(config.read_text().replace("    val: 0.15\n", ""))
    text = verdict(compared(*read_runs(sorted(path.parent.iterdir())), "val/auroc", "max"))
    assert "do not say which share of the samples validates" in text
    assert "corrected" not in text


def test_a_choice_among_many_is_said_to_flatter_the_best(two):
    assert "picked from 3 configurations" in verdict(two({0: 0.9, 1: 0.8}, {0: 0.8, 1: 0.75}, {5.0: {0: 0.1, 1: 0.1}}))


def test_one_configuration_has_no_rival(folder):
    assert verdict(compared(*read_runs([folder(0), folder(1, seed=1)]), "val/auroc", "max")) == ""


@pytest.fixture
def sweep(folder):
    """A sweep of three rates over five seeds, of which some have come to no score; `came`: seeds that have, by rate."""

    def make(came, last=5):
        for number, (rate, seeds) in enumerate(came.items()):
            for seed in range(5 if number < len(came) - 1 else last):
                score = rate / 10 + seed / 1e4 * (1 + number) if seed in seeds else None
                state = "failed" if score is None else "done"
                name = f"{number}/seed_{seed}"
                path = folder(name, score, seed, {"optimizer.lr": rate}, state=state, sweep="night")
        return compared(*read_runs(run_folders([path.parents[1]])[0]), "val/auroc", "max")

    return make


ALL = range(5)


def test_a_configuration_whose_seeds_failed_is_ranked_but_not_taken_for_the_best(sweep):
    comparison = sweep({8.0: [0, 1, 2], 7.0: ALL, 6.0: ALL})
    assert [each.settings["optimizer.lr"] for each in comparison.ranked] == [8.0, 7.0, 6.0]
    assert [seeds_of(each) for each in comparison.ranked] == ["3 of 5", "5", "5"]
    assert comparison.best.settings["optimizer.lr"] == 7.0
    said = incomplete(comparison)
    assert "rank 1 (3 of 5 seeds). The best is rank 2, with all its seeds." in said
    assert "better than the runner-up by 0.09980" in verdict(comparison)


def test_one_that_is_not_the_first_is_told_too(sweep):
    said = incomplete(sweep({5.0: ALL, 4.0: [1], 3.0: ALL}))
    assert said.endswith("rank 2 (1 of 5 seeds). None is taken for the best.")


def test_seeds_that_never_began_are_known_from_the_rest_of_the_sweep(sweep):
    comparison = sweep({6.0: ALL, 7.0: ALL, 8.0: ALL}, last=2)
    assert seeds_of(comparison.ranked[0]) == "2 of 5"
    assert comparison.best.settings["optimizer.lr"] == 7.0


def test_where_no_two_have_all_their_seeds_that_is_said(sweep):
    assert verdict(sweep({8.0: [0, 1], 7.0: ALL, 6.0: [1, 2]})).startswith("Only one configuration has all its seeds")


def test_where_none_has_all_its_seeds_they_are_compared_as_they_are(sweep):
    comparison = sweep({8.0: [0, 1, 2], 7.0: [1, 2, 3], 6.0: [0]})
    assert comparison.best.settings["optimizer.lr"] == 8.0
    assert "No configuration has all its seeds." in incomplete(comparison)
    assert "Over 2 shared seeds" in verdict(comparison)


def test_a_seed_that_failed_and_was_run_again_is_not_missing_and_other_sweeps_ask_for_nothing(folder):
    config = {"optimizer.lr": 0.1}
    paths = [folder("a/seed_0", None, 0, config, state="failed"), folder("b/seed_0", 0.9, 0, config),
             folder("c/seed_1", 0.5, 1, {"optimizer.lr": 0.2})]  # fmt: skip
    assert incomplete(compared(*read_runs(paths), "val/auroc", "max")) == ""
