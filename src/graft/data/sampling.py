"""Who sees which sample when: a function of the seed and the epoch, never of workers, ranks or resumption."""

from collections.abc import Iterator, Sized
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler, Sampler


class Draw(NamedTuple):
    """One sample in one epoch; the dataset derives the randomness of augmentation from both."""

    epoch: int
    position: int


_WINDOW = 50  # batches within which samples are sorted by length: enough to be alike, few enough to stay random


class TrainingOrder(DistributedSampler[Draw]):
    """A new random order in every epoch, of which each rank takes every `world`-th sample.

    The samples of a global batch are those that a single process would have in it. The last, incomplete
    global batch of an epoch is left out. With lengths, the samples of a batch are of like length, so that little is
    padded; which samples an epoch leaves out and the order of the batches stay random. It is a DistributedSampler,
    which Lightning leaves as it is.
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        batch_size: int,
        world: int,
        rank: int,
        seed: int,
        lengths: NDArray[np.int64] | None = None,
        balance: NDArray[np.int64] | None = None,
    ) -> None:
        """Makes the order.

        Args:
            dataset: only its length is used.
            batch_size: samples of a batch over all ranks together; a multiple of `world`.
            world: number of ranks.
            rank: this one, 0 … world - 1.
            seed: not negative.
            lengths: (n,) of the samples; None: all alike.
            balance: (n,) the classes of the samples, to draw as many of each; None: each sample once.
        """
        super().__init__(dataset, num_replicas=world, rank=rank, seed=seed, drop_last=True)  # type: ignore[arg-type]
        self.total_size = len(dataset) // batch_size * batch_size
        self.num_samples = self.total_size // world
        self.global_batch = batch_size
        self.lengths = lengths
        self.balance = balance
        self.start = 0  # samples of this rank's share to leave out: an epoch resumed in its middle

    def __iter__(self) -> Iterator[Draw]:
        """Yields this rank's share of the current epoch (see `set_epoch`)."""
        random = np.random.default_rng((self.seed, self.epoch))
        if self.balance is None:
            order = random.permutation(len(self.dataset))[: self.total_size]  # type: ignore[arg-type]
        else:
            order = _balanced(self.balance, self.total_size, random)
        if self.lengths is not None:
            order = self._in_buckets(order, self.lengths, random)
        share = order[self.rank :: self.num_replicas][self.start :]
        epoch = self.epoch  # of this order; the sampler may be told the next one meanwhile
        return (Draw(epoch, int(position)) for position in share)  # one by one: millions of them would fill the memory

    def _in_buckets(
        self, order: NDArray[np.int64], lengths: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        size = _WINDOW * self.global_batch
        windows = [order[start : start + size] for start in range(0, len(order), size)]
        batches = np.concatenate([window[lengths[window].argsort(kind="stable")] for window in windows])
        return random.permutation(batches.reshape(-1, self.global_batch)).reshape(-1)


def _balanced(classes: NDArray[np.int64], total: int, random: np.random.Generator) -> NDArray[np.int64]:
    """As many positions of each class, none of a class a second time before all of it came once."""
    present = random.permutation(np.unique(classes))
    drawn = []
    for number, name in enumerate(present):
        members = np.flatnonzero(classes == name)
        quota = total // len(present) + (number < total % len(present))
        rounds = [random.permutation(members) for _ in range(-(-quota // len(members)))]
        drawn.append(np.concatenate([*rounds, members[:0]])[:quota])
    return random.permutation(np.concatenate(drawn))


class EvaluationBatches(Sampler[list[Draw]]):
    """Batches in the order of the dataset, or from long to short; each sample goes to exactly one rank.

    All ranks have the same number of batches where there are samples enough: with sharded parameters (FSDP)
    every forward pass is a collective, and a rank without a batch would leave the others waiting.
    """

    def __init__(
        self, dataset: Sized, *, batch_size: int, world: int, rank: int, lengths: NDArray[np.int64] | None = None
    ) -> None:
        """Makes the batches; `batch_size` is the size per rank, `lengths` (n,) those of the samples."""
        order = np.arange(len(dataset)) if lengths is None else (-lengths).argsort(kind="stable")
        share = order[rank::world]
        most = -(-len(dataset) // world)
        self.batches = [share[start : start + batch_size] for start in range(0, most, batch_size)]
        if len(self.batches) > 1 and not len(self.batches[-1]) and len(self.batches[-2]) > 1:
            self.batches[-2:] = [self.batches[-2][:-1], self.batches[-2][-1:]]
        self.batches = [batch for batch in self.batches if len(batch)]
        self.epoch = 0
        self.sampler = self  # where Lightning looks for what it may tell the epoch

    def set_epoch(self, epoch: int) -> None:
        """Is told the epoch that is validated in; the batches are the same, what is in them may not be."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[Draw]]:
        """Yields this rank's batches."""
        epoch = self.epoch
        return ([Draw(epoch, position) for position in batch.tolist()] for batch in self.batches)

    def __len__(self) -> int:
        """Returns the number of this rank's batches."""
        return len(self.batches)
