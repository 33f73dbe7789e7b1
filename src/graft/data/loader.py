"""The training loader: knows how far it has come in an epoch, and goes on from there."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from graft.data.samples import Batch
from graft.data.sampling import TrainingOrder


class ResumableLoader(DataLoader[Batch]):
    """A DataLoader over a `TrainingOrder` that can be resumed in the middle of an epoch, batch by batch.

    It implements the protocol with which Lightning puts loaders into checkpoints. The state names the epoch
    that it counts in, because Lightning also saves between the end of one epoch and the start of the next.
    """

    sampler: TrainingOrder
    _epoch = 0
    _batches = 0
    _loaded: dict[str, int] | None = None

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Yields the batches of the sampler's epoch, after `load_state_dict` the remaining ones.

        A generator, because it must look at the epoch late: Lightning asks for the iterator first
        and sets the epoch afterwards.
        """
        loaded, self._loaded = self._loaded, None
        self._epoch = self.sampler.epoch
        self._batches = loaded["batches"] if loaded and loaded["epoch"] == self._epoch else 0
        self.sampler.start = self._batches * (self.batch_size or 1)
        for batch in super().__iter__():
            self._batches += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Returns the epoch and the number of its batches that were handed out (not those fetched ahead)."""
        return dict(self._loaded or {"epoch": self._epoch, "batches": self._batches})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Makes the next iteration go on after these batches, provided that it is in the same epoch."""
        self._loaded = {"epoch": int(state["epoch"]), "batches": int(state["batches"])}
