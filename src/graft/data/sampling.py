"""Who sees which sample when: a function of the seed and the epoch, never of workers, ranks or resumption."""

from collections.abc import Iterator, Sized
from typing import NamedTuple

import numpy as np
from torch.utils.data import DistributedSampler, Sampler


class Draw(NamedTuple):
    """One sample in one epoch; the dataset derives the randomness of augmentation from both."""

    epoch: int
    position: int


class TrainingOrder(DistributedSampler[Draw]):
    """A new random order in every epoch, of which each rank takes every `world`-th sample.

    The samples of a global batch are those that a single process would have in it. The last, incomplete
    global batch of an epoch is left out. A DistributedSampler, which Lightning leaves as it is.
    """

    def __init__(self, dataset: Sized, *, batch_size: int, world: int, rank: int, seed: int) -> None:
        """Makes the order.

        Args:
            dataset: only its length is used.
            batch_size: samples of a batch over all ranks together; a multiple of `world`.
            world: number of ranks.
            rank: this one, 0 … world - 1.
            seed: not negative.
        """
        super().__init__(dataset, num_replicas=world, rank=rank, seed=seed, drop_last=True)  # type: ignore[arg-type]
        self.total_size = len(dataset) // batch_size * batch_size
        self.num_samples = self.total_size // world
        self.start = 0  # samples of this rank's share to leave out: an epoch resumed in its middle

    def __iter__(self) -> Iterator[Draw]:
        """Yields this rank's share of the current epoch (see `set_epoch`)."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.dataset))  # type: ignore[arg-type]
        share = order[: self.total_size][self.rank :: self.num_replicas][self.start :]
        return iter([Draw(self.epoch, position) for position in share.tolist()])


class EvaluationBatches(Sampler[list[Draw]]):
    """Batches in the order of the dataset; each sample goes to exactly one rank.

    All ranks have the same number of batches where there are samples enough: with sharded parameters (FSDP)
    every forward pass is a collective, and a rank without a batch would leave the others waiting.
    """

    def __init__(self, dataset: Sized, *, batch_size: int, world: int, rank: int) -> None:
        """Makes the batches; `batch_size` is the size per rank."""
        share = [Draw(0, position) for position in range(rank, len(dataset), world)]
        most = -(-len(dataset) // world)
        self.batches = [share[start : start + batch_size] for start in range(0, most, batch_size)]
        if len(self.batches) > 1 and not self.batches[-1] and len(self.batches[-2]) > 1:
            self.batches[-1].append(self.batches[-2].pop())
        self.batches = [batch for batch in self.batches if batch]

    def __iter__(self) -> Iterator[list[Draw]]:
        """Yields this rank's batches."""
        return iter(self.batches)

    def __len__(self) -> int:
        """Returns the number of this rank's batches."""
        return len(self.batches)
