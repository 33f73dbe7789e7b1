import functools
import pickle

import numpy as np
import pytest
import torch

from graft.data.samples import FeatureSamples, Samples
from graft.data.sampling import Draw
from graft.data.table import Table

NOISE = functools.partial(torch.randint_like, high=256)


def load(row: int) -> torch.Tensor:
    return torch.full((3, 4, 4), row, dtype=torch.uint8)


@pytest.fixture
def table() -> Table:
    targets = np.array([0, 1, 0, 1, 1])
    weights = np.array([1, 1 / 3, 1, 1, 1 / 3], dtype=np.float32)
    return Table(list("abcde"), ["x", "y"], targets, load, strata=targets, weights=weights)


def test_a_batch_names_rows_of_the_table(table: Table):
    batch = Samples(table, np.array([4, 2, 1]), torch.Tensor.float, None).__getitems__([Draw(0, 2), Draw(0, 0)])
    assert batch["inputs"].shape == (2, 3, 4, 4)
    assert batch["inputs"][:, 0, 0, 0].tolist() == [1.0, 4.0]
    assert batch["index"].tolist() == [1, 4]
    assert batch["target"].tolist() == [1, 1]
    assert (batch["target"].dtype, batch["index"].dtype, batch["weight"].dtype) == (
        torch.int64,
        torch.int64,
        torch.float32,
    )
    assert batch["weight"].tolist() == pytest.approx([1 / 3, 1 / 3])


def test_inputs_may_be_a_dictionary_and_weights_absent(table: Table):
    plain = Table(table.ids, table.classes, table.targets, load, table.strata)
    samples = Samples(plain, np.arange(5), lambda image: {"a": image, "b": image.float()}, None)
    assert samples.__getitems__([Draw(0, 0), Draw(0, 1)])["inputs"]["b"].shape == (2, 3, 4, 4)
    assert samples[3]["inputs"]["a"].shape == (3, 4, 4)
    assert samples[3]["target"] == 1
    assert "weight" not in samples[3]


def test_augmentation_depends_on_seed_epoch_and_row_only(table: Table):
    def image(seed: int, epoch: int, rows: list[int], position: int) -> torch.Tensor:
        samples = Samples(table, np.array(rows), NOISE, seed)
        return samples.__getitems__([Draw(epoch, position)])["inputs"][0]

    torch.manual_seed(1)
    reference = image(0, 0, [0, 1, 2], 2)
    torch.manual_seed(2)
    assert torch.equal(image(0, 0, [2], 0), reference)  # neither the global generator nor the position counts
    for other in (image(1, 0, [2], 0), image(0, 1, [2], 0), image(0, 0, [3], 0)):
        assert not torch.equal(other, reference)


def test_augmentation_leaves_the_global_generator_alone(table: Table):
    before = torch.get_rng_state()
    _ = Samples(table, np.arange(5), NOISE, 0)[0]
    assert torch.equal(torch.get_rng_state(), before)


def test_features_come_in_the_order_of_the_rows(table: Table):
    samples = FeatureSamples(table, np.array([4, 2]), torch.tensor([[40.0], [20.0]]))
    batch = samples.__getitems__([Draw(7, 1), Draw(7, 0)])
    assert batch["features"].tolist() == [[20.0], [40.0]]
    assert batch["index"].tolist() == [2, 4]
    assert batch["target"].tolist() == [0, 1]
    assert samples[0]["features"].tolist() == [40.0]
    assert len(samples) == 2


def test_datasets_can_be_sent_to_other_processes(table: Table):
    samples = pickle.loads(pickle.dumps(Samples(table, np.arange(5), NOISE, 0)))
    assert torch.equal(samples[2]["inputs"], Samples(table, np.arange(5), NOISE, 0)[2]["inputs"])
