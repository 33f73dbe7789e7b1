import numpy as np

from graft.data.duplicates import find_duplicates

SPLITS = {"train": np.array([5, 0, 1]), "val": np.array([2]), "test": np.array([3, 4])}


def bits(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def test_copies_in_a_later_split_are_named_once_with_the_earlier_row():
    found = find_duplicates(SPLITS, bits(7, 7, 7, 8, 7, 9), None)
    assert found.exact.tolist() == [[0, 2], [0, 4]]  # rows 0 and 1 are copies in one split: no matter
    assert found.near.tolist() == []


def test_images_that_differ_in_few_bits_look_alike():
    look = 0xF0F0_F0F0_F0F0_F0F0
    looks = bits(look, 0, look ^ 0b11, look ^ (1 << 63) ^ 1, look ^ 0b111, 0x5555_5555_5555_5555)
    assert find_duplicates(SPLITS, None, looks).near.tolist() == [[0, 2], [0, 3], [2, 4]]


def test_copies_are_not_told_a_second_time_as_look_alikes():
    looks = bits(0, 0b111 << 20, 0b111 << 40, 0, 0b111 << 50, 0b111 << 9)
    found = find_duplicates(SPLITS, bits(1, 2, 3, 1, 4, 5), looks)
    assert found.exact.tolist() == [[0, 3]]
    assert found.near.tolist() == []


def test_every_near_pair_is_found():
    """Against comparing each with each."""
    random = np.random.default_rng(0)
    base = random.integers(0, 2**63, 40, dtype=np.uint64)
    looks = base[random.integers(0, 40, 400)]
    for _ in range(2):
        looks ^= np.uint64(1) << random.integers(0, 64, 400).astype(np.uint64)
    splits = {"train": np.arange(200), "val": np.arange(200, 300), "test": np.arange(300, 400)}
    number = np.repeat([0, 1, 2], [200, 100, 100])
    late = {
        j
        for j in range(200, 400)
        for i in range(400)
        if number[i] < number[j] and int(looks[i] ^ looks[j]).bit_count() <= 2
    }
    assert {pair[1] for pair in find_duplicates(splits, None, looks).near.tolist()} == late
