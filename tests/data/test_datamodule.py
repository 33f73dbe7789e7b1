import logging
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from graft.data import DataModule, Known
from graft.data.augmentation import OnBatches
from graft.data.table import Table
from graft.errors import ConfigError, GraftError

WORDS = ["one", "two", "three", "four"]


def count_letters(word: str) -> torch.Tensor:
    return torch.tensor([float(len(word))])


def letters(train: bool) -> Callable[[str], torch.Tensor]:
    return count_letters


class Words:
    """Loads the text of a row; there are no images in this source."""

    def __call__(self, row: int) -> str:
        return WORDS[row % 4]


class Texts(DataModule):
    """40 texts of two classes."""

    reads = 0

    def read(self) -> Table:
        self.reads += 1
        targets = np.arange(40) % 2
        return Table([f"text {row}" for row in range(40)], ["odd", "even"], targets, Words(), targets)


@pytest.fixture
def make(settings: dict[str, Any]) -> Callable[..., Texts]:
    def make(**changes: Any) -> Texts:
        datamodule = Texts(**(settings | {"preprocess": letters} | changes))
        datamodule.setup()
        return datamodule

    return make


def give_rank(datamodule: Texts, rank: int, world: int) -> Texts:
    datamodule.trainer = SimpleNamespace(  # type: ignore[assignment]
        world_size=world,
        global_rank=rank,
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
        state=SimpleNamespace(fn=None),
    )
    return datamodule


def indices(loader: Any) -> list[list[int]]:
    return [batch["index"].tolist() for batch in loader]


def test_any_kind_of_sample_will_do(make: Callable[..., Texts]):
    batch = next(iter(make().train_dataloader()))
    assert batch["inputs"].shape == (4, 1)
    assert batch["inputs"][:, 0].tolist() == [len(WORDS[row % 4]) for row in batch["index"]]
    assert batch["target"].tolist() == [row % 2 for row in batch["index"]]


def test_setup_reads_once_and_describes_the_splits(make: Callable[..., Texts]):
    datamodule = make()
    datamodule.setup("fit")
    datamodule.setup("test")
    assert datamodule.reads == 1
    assert datamodule.classes == ["odd", "even"]
    assert {split: len(rows) for split, rows in datamodule.splits.items()} == {
        "train": 25,
        "val": 5,
        "test": 10,
    }
    assert [*datamodule.class_counts("test").values()] == [5, 5]
    assert datamodule.sample_ids("val") == [f"text {row}" for row in datamodule.splits["val"]]
    with pytest.raises(ConfigError, match="no split 'tset'"):
        datamodule.sample_ids("tset")


def test_shots_and_limit(make: Callable[..., Texts]):
    assert [*make(shots=3).class_counts("train").values()] == [3, 3]
    assert [*make(shots=3).class_counts("test").values()] == [5, 5]
    assert [sum([*make(limit=4).class_counts(split).values()]) for split in ("train", "val", "test")] == [4, 4, 4]


def test_runs_of_any_seed_share_their_splits(make: Callable[..., Texts]):
    one, other = make(seed=0), make(seed=1)
    assert all(np.array_equal(one.splits[split], other.splits[split]) for split in one.splits)
    assert indices(one.train_dataloader()) != indices(other.train_dataloader())


def test_evaluation_is_sequential_and_complete(make: Callable[..., Texts]):
    datamodule = make()
    for split in ("train", "val", "test"):
        batches = indices(datamodule.eval_dataloader(split))
        assert [len(batch) for batch in batches[:-1]] == [3] * (len(batches) - 1)
        assert [row for batch in batches for row in batch] == datamodule.splits[split].tolist()


def test_augmentation_is_for_training_only(make: Callable[..., Texts]):
    datamodule = make(augment=str.upper, preprocess=lambda train: lambda word: torch.tensor(word.isupper()))
    assert all(batch["inputs"].all() for batch in datamodule.train_dataloader())
    assert not any(batch["inputs"].any() for batch in datamodule.eval_dataloader("train"))


def test_preprocessing_is_told_whether_it_is_for_training(make: Callable[..., Texts]):
    datamodule = make(preprocess=lambda train: lambda word: torch.tensor(train))
    assert next(iter(datamodule.train_dataloader()))["inputs"].all()
    assert not next(iter(datamodule.val_dataloader()))["inputs"].any()


def test_features_replace_inputs_split_by_split_until_taken_back(make: Callable[..., Texts]):
    datamodule = make(num_workers=1)
    rows = {split: torch.from_numpy(datamodule.splits[split]).float()[:, None] for split in ("train", "val")}
    datamodule.use_features({split: [Known(values)] for split, values in rows.items()})
    datamodule.table.load.__class__.__call__ = None  # type: ignore[method-assign]  # reading would fail
    try:
        for loader in (datamodule.train_dataloader(), datamodule.val_dataloader()):
            assert loader.num_workers == 0
            for batch in loader:
                assert "inputs" not in batch
                assert batch["features"][:, 0].tolist() == batch["index"].tolist()
    finally:
        datamodule.table.load.__class__.__call__ = lambda self, row: WORDS[row % 4]  # type: ignore[method-assign]
    assert "inputs" in next(iter(datamodule.test_dataloader()))
    datamodule.use_features({})
    assert "inputs" in next(iter(datamodule.val_dataloader()))
    with pytest.raises(ValueError, match="2 rows of features for 25 samples of train"):
        datamodule.use_features({"train": [Known(torch.zeros(2, 1))]})


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_together_see_what_one_process_sees(make: Callable[..., Texts], world: int):
    one = indices(make().train_dataloader())
    ranks = [give_rank(make(), rank, world) for rank in range(world)]
    shares = [indices(rank.train_dataloader()) for rank in ranks]
    for number, batch in enumerate(one):
        assert sorted(row for share in shares for row in share[number]) == sorted(batch)
    evaluated = [row for rank in ranks for batch in rank.test_dataloader() for row in batch["index"].tolist()]
    assert sorted(evaluated) == sorted(make().splits["test"].tolist())


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")  # torch, where one core is lent
def test_batches_do_not_depend_on_workers(make: Callable[..., Texts]):
    def inputs(workers: int) -> torch.Tensor:
        loader = make(augment=Noise(), preprocess=as_it_is, num_workers=workers).train_dataloader()
        return torch.cat([batch["inputs"] for batch in loader])

    alone = inputs(0)
    assert alone.unique().numel() == alone.numel()
    assert torch.equal(inputs(2), alone)


def test_datasets_can_be_sent_to_spawned_workers_without_the_trainer(make: Callable[..., Texts]):
    datamodule = make(augment=Noise(), preprocess=as_it_is)
    datamodule.trainer = lambda: None  # type: ignore[assignment]  # cannot be pickled, like a Trainer
    dataset = datamodule.dataset("train", train=True)
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[5]["inputs"], dataset[5]["inputs"])


class Noise:
    """Text to a random number."""

    def __call__(self, word: str) -> torch.Tensor:
        return torch.rand(1, dtype=torch.float64)


def as_it_is(train: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    return torch.Tensor.clone


def test_a_batch_larger_than_the_training_split_is_all_of_it(
    make: Callable[..., Texts], caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        (batch,) = make(batch_size=26).train_dataloader()
    assert len(batch["index"]) == 25
    assert "datamodule.batch_size=26: the training split has 25 samples only" in caplog.text
    assert len(make(batch_size=25).train_dataloader()) == 1
    with pytest.raises(
        ConfigError, match=r"batch_size=26 \(the training split has 25 samples\) cannot be shared evenly"
    ):
        give_rank(make(batch_size=26), 0, 2).train_dataloader()


def test_a_balanced_sampler_draws_as_many_of_each_class(make: Callable[..., Texts], monkeypatch: pytest.MonkeyPatch):
    read = Texts.read

    def uneven(self: Texts) -> Table:
        targets = (np.arange(40) % 5 == 0).astype(np.int64)
        return replace(read(self), targets=targets, strata=targets)

    monkeypatch.setattr(Texts, "read", uneven)
    for sampler, share in (("balanced", 0.5), ("shuffled", 0.2)):
        batches = [*make(sampler=sampler, batch_size=5).train_dataloader()]
        assert torch.cat([batch["target"] for batch in batches]).double().mean() == pytest.approx(share, abs=0.05)


def double(inputs: torch.Tensor, shares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return inputs * 100, shares.flip(0)


def test_what_mixes_batches_is_applied_to_training_batches_only(make: Callable[..., Texts]):
    datamodule = make(mix=(OnBatches(double),))
    batch = next(iter(datamodule.train_dataloader()))
    assert batch["target"].shape == (4, 2)
    assert batch["target"].argmax(1).tolist() == [row % 2 for row in batch["index"].flip(0)]
    assert batch["inputs"][:, 0].tolist() == [100 * len(WORDS[row % 4]) for row in batch["index"]]
    assert next(iter(datamodule.val_dataloader()))["inputs"].max() < 100


class Prepared:
    """Counts what it is asked to prepare."""

    asked = 0

    def __call__(self, word: str) -> torch.Tensor:
        raise AssertionError("prepared inputs are taken")

    def prepare(self, load: Callable[[int], str], count: int) -> Any:
        Prepared.asked = count
        made = [torch.tensor([len(load(row))]) for row in range(count)]
        return Lengthy(made)


class Lengthy(list[torch.Tensor]):
    """Inputs by position."""

    def __call__(self, row: int) -> torch.Tensor:
        return self[row]

    @property
    def lengths(self) -> Any:
        return np.array([int(each) for each in self])


def test_only_the_rows_in_the_splits_are_prepared(make: Callable[..., Texts]):
    datamodule = make(limit=4, preprocess=lambda train: Prepared())
    assert Prepared.asked == 12
    for split in ("train", "val", "test"):
        for batch in datamodule.eval_dataloader(split):
            assert batch["inputs"][:, 0].tolist() == [len(WORDS[row % 4]) for row in batch["index"]]


def test_a_batch_that_cannot_be_shared_is_an_error(make: Callable[..., Texts]):
    with pytest.raises(ConfigError, match="batch_size=4 cannot be shared evenly among 3 processes"):
        give_rank(make(), 0, 3).train_dataloader()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "datamodule.batch_size=0"),
        ({"eval_batch_size": -1}, "datamodule.eval_batch_size=-1"),
        ({"num_workers": -1}, "datamodule.num_workers=-1"),
        ({"shots": 0}, "datamodule.shots=0"),
        ({"limit": 0}, "datamodule.limit=0"),
        ({"bad_files": "drop"}, "datamodule.bad_files=drop: choose error or skip"),
        ({"split": {"test": 25, "val": 0.1, "seed": 0}}, "datamodule.split.test=25"),
        ({"split": {"test": 0.25, "val": 0.0, "seed": 0}}, "datamodule.split.val=0.0"),
        ({"split": {"test": 0.25, "val": 0.1, "seed": -1}}, "datamodule.split.seed=-1"),
    ],
)
def test_values_out_of_range_are_named(make: Callable[..., Texts], changes: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        make(**changes)


def test_memory_is_pinned_for_cuda_only(make: Callable[..., Texts]):
    assert not give_rank(make(), 0, 1).val_dataloader().pin_memory
    datamodule = give_rank(make(), 0, 1)
    datamodule.trainer.strategy.root_device = torch.device("cuda")
    assert datamodule.val_dataloader().pin_memory


def test_nothing_of_a_run_folder_is_needed(make: Callable[..., Texts], tmp_path: Path):
    make()
    assert list(tmp_path.iterdir()) == []


def test_folds_validate_and_are_refused_where_a_class_is_too_rare(
    make: Callable[..., Texts], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    read = Texts.read

    def uneven(self: Texts) -> Table:
        targets = (np.arange(40) % 5 == 0).astype(np.int64)
        return replace(read(self), targets=targets, strata=targets)

    monkeypatch.setattr(Texts, "read", uneven)

    def folded(words: str) -> Texts:
        return make(split={**settings["split"], "val_fold": words})

    validated = np.concatenate([folded(f"{number}/3").splits["val"] for number in (1, 2, 3)])
    assert sorted(validated) == sorted(np.setdiff1d(np.arange(40), make().splits["test"]))
    with pytest.raises(GraftError, match=r"val_fold=1 of 7: 'even' has 6 samples to share out among the folds"):
        folded("1/7")
