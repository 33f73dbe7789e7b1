import pytest

from graft.errors import ConfigError
from graft.strategies import Strategy

STAGES = ["stem", "block_1", "block_2", "head"]


def strategy(*phases, **settings):
    defaults = {"epochs": None, "lr_scale": 1.0, "lr_decay": 1.0}
    return Strategy("under_test", [defaults | phase for phase in phases], STAGES, **settings)


def learning(train, **settings):
    return set(strategy({"train": train}, **settings).learning(0))


@pytest.mark.parametrize(
    ("train", "wanted"),
    [
        ("head", {"head"}),
        ("all", set(STAGES)),
        ("last_0", {"head"}),
        ("last_1", {"block_2", "head"}),
        ("last_k", {"block_1", "block_2", "head"}),
        ("block_1|head", {"block_1", "head"}),
        ("block_.*", {"block_1", "block_2"}),
    ],
)
def test_what_learns(train, wanted):
    assert learning(train, **({"k": 2} if train == "last_k" else {})) == wanted


def test_a_pattern_must_match_a_whole_name_and_the_error_lists_the_stages():
    with pytest.raises(ConfigError, match="stem, block_1, block_2, head"):
        learning("block")
    with pytest.raises(ConfigError, match="no regular expression"):
        learning("block_(")


def test_more_stages_than_there_are_and_a_missing_k_are_refused():
    with pytest.raises(ConfigError, match="the backbone has 3"):
        learning("last_4")
    with pytest.raises(ConfigError, match=r"set strategy\.k"):
        learning("last_k")


def test_the_phase_follows_from_the_epoch():
    built = strategy({"train": "head", "epochs": 2}, {"train": "last_1", "epochs": 3}, {"train": "all"})
    assert [built.phase_at(epoch) for epoch in range(7)] == [0, 0, 1, 1, 1, 2, 2]


def test_rates_fall_from_the_head_down_and_frozen_stages_have_their_next_rate():
    built = strategy(
        {"train": "head", "epochs": 1, "lr_scale": 2.0}, {"train": "all", "lr_scale": 0.1, "lr_decay": 0.5}
    )
    assert built.scales(0) == pytest.approx({"stem": 0.0125, "block_1": 0.025, "block_2": 0.05, "head": 2.0})
    assert built.scales(1) == pytest.approx({"stem": 0.0125, "block_1": 0.025, "block_2": 0.05, "head": 0.1})


@pytest.mark.parametrize(
    ("phases", "max_epochs", "message"),
    [
        ([{"train": "head", "epochs": 5}, {"train": "all"}], 5, "begins after epoch 5"),
        ([{"train": "head", "epochs": 5}], 8, "take 5 epochs"),
        ([{"train": "blok"}], 8, "matches no stage"),
    ],
)
def test_a_schedule_that_cannot_run_is_refused_before_it_runs(phases, max_epochs, message):
    with pytest.raises(ConfigError, match=message):
        strategy(*phases).check(max_epochs)


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ([], "empty"),
        ([{"train": "head"}, {"train": "all"}], r"phases\[0\].epochs is null"),
        ([{"train": "head", "epochs": 0}], "at least 1"),
        ([{"train": "all", "lr_decay": 1.5}], r"lr_decay in \(0, 1\]"),
    ],
)
def test_broken_phases_are_refused(phases, message):
    with pytest.raises(ConfigError, match=message):
        strategy(*phases)


def test_only_a_backbone_that_never_learns_counts_as_frozen():
    assert strategy({"train": "head"}).trains_only_the_head
    assert strategy({"train": "last_0"}).trains_only_the_head
    assert not strategy({"train": "head", "epochs": 1}, {"train": "all"}).trains_only_the_head


def test_a_k_that_no_phase_looks_at_is_refused():
    with pytest.raises(ConfigError, match=r"strategy\.k=2, but no phase"):
        strategy({"train": "head"}, k=2)
    strategy({"train": "last_k"}, k=2).check(max_epochs=3)


def test_one_by_one_is_a_phase_for_each_stage_and_the_last_takes_what_is_left():
    built = strategy({"train": "one_by_one", "epochs": 2, "lr_decay": 0.5}, k=1)
    assert [set(built.learning(number)) for number in range(4)] == [
        {"head"}, {"block_2", "head"}, {"block_1", "block_2", "head"}, set(STAGES)
    ]  # fmt: skip
    assert built.starts() == [0, 2, 4, 6]
    assert built.phases[-1].epochs is None
    assert built.scales(3) == pytest.approx({"stem": 0.125, "block_1": 0.25, "block_2": 0.5, "head": 1.0})
    assert [set(strategy({"train": "one_by_one", "epochs": 1}, k=2).learning(number)) for number in range(3)] == [
        {"head"}, {"block_1", "block_2", "head"}, set(STAGES)
    ]  # fmt: skip


def test_a_head_that_never_learns_is_refused_unless_it_is_solved_for():
    with pytest.raises(ConfigError, match=r"train: block_1\|head"):
        strategy({"train": "block_1"}).check(3)
    strategy({"train": "block_1"}, start=object()).check(3)
    strategy({"train": "block_1", "epochs": 1}, {"train": "head"}).check(3)


def test_one_by_one_needs_its_numbers():
    with pytest.raises(ConfigError, match=r"phases\[0\]\.epochs is null"):
        strategy({"train": "one_by_one"}, k=1)
    for k in (None, 0):
        with pytest.raises(ConfigError, match=r"strategy\.k must be at least 1"):
            strategy({"train": "one_by_one", "epochs": 1}, k=k)


def test_a_named_stage_learns_with_the_head_and_a_wrong_name_lists_the_stages():
    assert set(strategy({"train": "stage"}, stage="block_1").learning(0)) == {"block_1", "head"}
    for stage in ("block_9", "head", None):
        with pytest.raises(ConfigError, match="The stages are: stem, block_1, block_2, head"):
            strategy({"train": "stage"}, stage=stage)


def test_some_parameters_of_a_stage_learn_but_all_of_the_head():
    built = strategy({"train": "all", "parameters": "norms"})
    assert built.learning(0) == {"stem": "norms", "block_1": "norms", "block_2": "norms", "head": "all"}
    with pytest.raises(ConfigError, match="Did you mean 'norms'"):
        strategy({"train": "all", "parameters": "norm"})
    with pytest.raises(ConfigError, match=r"strategy\.adapter is null"):
        strategy({"train": "all", "parameters": "adapter"})


def test_a_phase_alone_has_its_own_stages_and_scales_for_ever():
    both = strategy({"train": "head", "epochs": 2}, {"train": "last_1", "lr_scale": 0.1, "lr_decay": 0.5})
    alone = both.alone(1)
    assert alone.phase_at(100) == 0
    assert set(alone.learning(0)) == {"block_2", "head"}
    assert alone.scales(0)["block_2"] == pytest.approx(0.05)
    assert both.alone(0).trains_only_the_head
    assert len(both.phases) == 2
