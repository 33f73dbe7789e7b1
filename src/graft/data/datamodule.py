"""The base of all datamodules: loaders over a split table of samples."""

import logging
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Sampler, default_collate

from graft.data.augmentation import Transform
from graft.data.loader import ResumableLoader
from graft.data.samples import AnySamples, Batch, FeatureSamples, Samples, as_is, finished_on_device
from graft.data.sampling import Draw, EvaluationBatches, TrainingOrder
from graft.data.split_samples import SplitSamples
from graft.data.table import Rows
from graft.data.workers import loader_processes
from graft.errors import ConfigError, many

log = logging.getLogger(__name__)


class DataModule(SplitSamples):
    """Makes loaders over the splits.

    Batches are dictionaries: "inputs" (B, …) or, after `use_features`, "features" (B, num_features), or on a GPU
    "pixels" (B, channels, height, width), uint8, of which the task makes inputs; "target" and "index" (the row of the
    table), both int64 (B,); "weight" float32 (B,) where the table has weights.
    """

    _train_loader: ResumableLoader | None = None
    _position: dict[str, Any] | None = None

    def train_dataloader(self) -> DataLoader[Batch]:
        """Returns the training batches: shuffled, augmented, this rank's share of each; resumable.

        Raises:
            ConfigError: the batch cannot be shared evenly, or Lightning is told to change the order.
        """
        world, rank = self._world()
        batch_size = self._train_batch(world)
        if getattr(self.trainer, "overfit_batches", 0):
            raise ConfigError("trainer.overfit_batches is not supported: use datamodule.limit to keep few samples.")
        dataset = self._for_device(self.dataset("train", train=True, fitting=True))
        lengths = self._lengths("train")
        order = TrainingOrder(
            dataset,
            batch_size=batch_size,
            world=world,
            rank=rank,
            seed=self.seed,
            lengths=lengths,
            balance=self.table.targets[self._rows("train")] if self.sampler == "balanced" else None,
        )
        self._train_loader = ResumableLoader(
            dataset, sampler=order, batch_size=batch_size // world, **self._loading(dataset, batch_size // world)
        )
        if self._position is not None:
            self._train_loader.load_state_dict(self._position)
        return self._train_loader

    def _train_batch(self, world: int) -> int:
        """The samples of a batch over all processes: all of the training split where it is smaller than a batch."""
        most = len(self._rows("train"))
        if self.batch_size % world or (most < self.batch_size and most % world):
            only = f" (the training split has {many(most, 'sample')})" if most < self.batch_size else ""
            raise ConfigError(
                f"datamodule.batch_size={self.batch_size}{only} cannot be shared evenly among {world} processes: "
                f"choose a multiple of {world}, or other trainer.devices."
            )
        if most < self.batch_size:
            log.warning(
                "datamodule.batch_size=%d: the training split has %s only; each step takes all of them",
                *(self.batch_size, many(most, "sample")),
            )
        return min(self.batch_size, most)

    def state_dict(self) -> dict[str, Any]:
        """Returns where the training loader stands, for the checkpoint."""
        return {} if self._train_loader is None else self._train_loader.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Makes the next training loader go on from there.

        Lightning hands a loader its position only if it makes the loader after it has restored its loops. A schedule
        that asks for the number of steps has it made before; the datamodule's state is restored in time for both.
        """
        self._position = state_dict or None

    def val_dataloader(self) -> DataLoader[Batch]:
        """Returns the validation batches, see `eval_dataloader`; in each epoch of a training by what is known in it."""
        fitting = self.trainer is not None and self.trainer.state.fn == TrainerFn.FITTING
        return self._evaluation("val", fitting)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Returns the test batches, see `eval_dataloader`."""
        return self.eval_dataloader("test")

    def eval_dataloader(self, split: str) -> DataLoader[Batch]:
        """Returns the batches of any split unaugmented and in a fixed order; each sample goes to one rank only."""
        return self._evaluation(split, fitting=False)

    def _evaluation(self, split: str, fitting: bool) -> DataLoader[Batch]:
        world, rank = self._world()
        dataset = self._for_device(self.dataset(split, train=False, fitting=fitting))
        if world > len(dataset):
            raise ConfigError(
                f"{world} processes cannot share the {many(len(dataset), 'sample')} of {split}: fewer devices."
            )
        lengths = self._lengths(split)
        batches = EvaluationBatches(dataset, batch_size=self.eval_batch_size, world=world, rank=rank, lengths=lengths)
        return DataLoader(dataset, batch_sampler=batches, **self._loading(dataset, self.eval_batch_size))

    def loader_of(self, rows: Rows, epoch: int | None = None) -> DataLoader[Batch]:
        """Returns batches of any rows that are in a split, all of them for this process.

        Args:
            rows: of the table.
            epoch: as they are in that epoch of the training; None: as they are.
        """
        dataset = self._samples(rows, train=epoch is not None)
        lengths = None if self.lengths is None else self.lengths[rows]
        batches = EvaluationBatches(dataset, batch_size=self.eval_batch_size, world=1, rank=0, lengths=lengths)
        batches.set_epoch(epoch or 0)
        return DataLoader(dataset, batch_sampler=batches, **self._loading(dataset, self.eval_batch_size))

    def decoding(self, rows: Rows, pixels: Transform | None, batches: list[list[Draw]]) -> DataLoader[Batch]:
        """Returns what decodes the images of rows; its processes stay for several passes.

        Args:
            rows: of the table.
            pixels: makes images of one shape, "inputs" (B, …); None: "inputs" are a list of canonical images.
            batches: positions in `rows`, to be filled before each pass.
        """
        collate = as_is if pixels is None else default_collate
        dataset = Samples(self.table, rows, pixels or as_is, seed=None, collate=collate)
        sampler = cast("Sampler[list[Draw]]", batches)
        return DataLoader(dataset, batch_sampler=sampler, **self._loading(dataset, self.eval_batch_size))

    def _for_device(self, dataset: AnySamples) -> AnySamples:
        """Has batches finished on the GPU where they are to travel there, unless they are mixed before."""
        on_device = self.trainer is not None and self._on_cuda() and not self.mix
        return finished_on_device(dataset) if on_device else dataset

    def _loading(self, dataset: AnySamples, batch_size: int) -> dict[str, Any]:
        workers = self._workers(dataset, batch_size)
        return {
            "num_workers": workers,
            "persistent_workers": workers > 0,
            "collate_fn": as_is,
            "pin_memory": self._on_cuda(),
            # Else loaders draw from the global generator, and dropout depends on how many there are.
            "generator": torch.Generator().manual_seed(self.seed),
        }

    def _workers(self, dataset: AnySamples, batch_size: int) -> int:
        if isinstance(dataset, FeatureSamples):
            return 0
        if self.num_workers is not None:
            return self.num_workers
        return loader_processes(dataset, batch_size, getattr(self.trainer, "num_devices", 1))

    def _world(self) -> tuple[int, int]:
        return (1, 0) if self.trainer is None else (self.trainer.world_size, self.trainer.global_rank)

    def _on_cuda(self) -> bool:
        if self.trainer is None:
            return torch.cuda.is_available()
        return self.trainer.strategy.root_device.type == "cuda"

    def _lengths(self, split: str) -> NDArray[np.int64] | None:
        """Of features too, which need no padding: so the batches are the same ones with and without them."""
        return None if self.lengths is None else self.lengths[self._rows(split)]
