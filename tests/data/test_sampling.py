import numpy as np
import pytest

from graft.data.sampling import EvaluationBatches, TrainingOrder


def positions(order: TrainingOrder) -> list[int]:
    return [draw.position for draw in order]


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(seed: int, epoch: int) -> list[int]:
        made = TrainingOrder(range(103), batch_size=4, world=1, rank=0, seed=seed)
        made.set_epoch(epoch)
        assert {draw.epoch for draw in made} == {epoch}
        return positions(made)

    assert order(0, 5) == order(0, 5)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in range(3)}) == 6
    assert order(0, 1) != order(1, 0)
    assert len(set(order(0, 0))) == 100  # the incomplete batch is left out


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_global_batches_of_one_process(world: int):
    one = positions(TrainingOrder(range(45), batch_size=8, world=1, rank=0, seed=0))
    ranks = [TrainingOrder(range(45), batch_size=8, world=world, rank=rank, seed=0) for rank in range(world)]
    share = 8 // world
    for batch in range(5):
        together = [p for rank in ranks for p in positions(rank)[batch * share : (batch + 1) * share]]
        assert sorted(together) == sorted(one[batch * 8 : (batch + 1) * 8])
    assert [len(rank) for rank in ranks] == [5 * share] * world


def test_start_leaves_out_the_beginning_but_not_the_length():
    order = TrainingOrder(range(20), batch_size=4, world=2, rank=1, seed=0)
    whole = positions(order)
    order.start = 4
    assert positions(order) == whole[4:]
    assert len(order) == 10


@pytest.mark.parametrize("samples", [1, 2, 7, 8, 9, 16, 17, 33])
@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 4])
def test_evaluation_repeats_nothing_and_keeps_ranks_together(samples: int, world: int, size: int):
    ranks = [EvaluationBatches(range(samples), batch_size=size, world=world, rank=rank) for rank in range(world)]
    seen = [draw.position for rank in ranks for batch in rank for draw in batch]
    assert sorted(seen) == list(range(samples))
    assert all(0 < len(batch) <= size for rank in ranks for batch in rank)
    if samples >= 2 * world * size:
        assert len({len(rank) for rank in ranks}) == 1


def test_evaluation_in_one_process_is_in_order():
    batches = EvaluationBatches(range(8), batch_size=3, world=1, rank=0)
    assert [[draw.position for draw in batch] for batch in batches] == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_batches_are_of_like_length_and_an_epoch_still_sees_every_sample_once():
    lengths = np.random.default_rng(0).integers(1, 100, 400)
    made = TrainingOrder(range(400), batch_size=8, world=1, rank=0, seed=0, lengths=lengths)
    first, plain = positions(made), positions(TrainingOrder(range(400), batch_size=8, world=1, rank=0, seed=0))
    assert sorted(first) == list(range(400))
    assert (
        np.ptp(lengths[first].reshape(50, 8), axis=1).mean() < np.ptp(lengths[plain].reshape(50, 8), axis=1).mean() / 5
    )
    middles = lengths[first].reshape(50, 8).mean(axis=1)
    assert abs(np.corrcoef(middles, range(50))[0, 1]) < 0.5  # not from short to long
    made.set_epoch(1)
    assert positions(made) != first


def test_a_balanced_epoch_has_as_many_of_each_class_and_repeats_only_the_rare():
    classes = np.array([0] * 90 + [1] * 10)
    drawn = positions(TrainingOrder(range(100), batch_size=10, world=1, rank=0, seed=0, balance=classes))
    common, rare = [each for each in drawn if each < 90], [each for each in drawn if each >= 90]
    assert len(common) == len(rare) == 50
    assert len(set(common)) == 50
    assert sorted(rare) == sorted([*range(90, 100)] * 5)


def test_evaluation_goes_from_long_to_short():
    lengths = np.array([3, 9, 1, 7])
    batches = EvaluationBatches(range(4), batch_size=2, world=1, rank=0, lengths=lengths)
    assert [[draw.position for draw in batch] for batch in batches] == [[1, 3], [0, 2]]
