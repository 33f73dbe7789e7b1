"""Images that several epochs read, decoded once and mapped from the disk."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.filesize import decimal
from torch import Tensor

from graft.data import DataModule
from graft.data.known import Decoded
from graft.data.pictures import is_image
from graft.data.samples import in_two
from graft.data.sampling import Draw
from graft.data.table import Placed, Rows
from graft.features.build import Compute, parts_with
from graft.features.key import Key, key_of_images
from graft.features.padding import Unpadded, padded
from graft.features.parts import Digests, Features
from graft.features.store import NotKept, Store
from graft.kept import cache_settings, own_settings, root_of

log = logging.getLogger(__name__)

_MANY = 10**9  # epochs, where nobody knows how many there will be


def keep_images(cfg: DictConfig, trainer: pl.Trainer, datamodule: DataModule) -> None:
    """Has a training take images decoded from the cache, where it would decode them in several epochs.

    What is kept is what all epochs have in common: images as resized and cropped for the backbone, or, where
    augmentation comes before that, as decoded. Batches are the same with and without it.

    Args:
        cfg: Of the run.
        trainer: Says how many epochs there will be.
        datamodule: Is given the images; has been given the features that are known.
    """
    settings = cache_settings(cfg)
    splits = _read_again(trainer, datamodule)
    if not settings["enabled"] or not settings.get("images") or not splits or not is_image(datamodule.table.load(0)):
        return
    if datamodule.table.digests is None or datamodule.table.sizes is None:
        log.info("datamodule=%s has no hashes or sizes of its images: they are decoded in each epoch", datamodule.name)
        return
    images = [_images(split, datamodule) for split in splits]
    needed = sum(int(each.bytes.sum()) for each in images)
    if needed > settings["max_gb"] * 1e9:
        log.info(
            "images of %s would take %s: they are decoded in each epoch (cache.max_gb=%g)",
            *(" and ".join(splits), decimal(needed), settings["max_gb"]),
        )
        return
    root = root_of(settings)
    try:
        own = own_settings(cfg, datamodule)
        datamodule.use_decoded({each.split: _decoded(each, datamodule, root, own) for each in images})
    except NotKept as error:
        log.warning(
            "Images cannot be kept in %s (%s): they are decoded in each epoch. Make room, or set cache.folder to"
            " another folder.",
            *(root, error),
        )
        return
    for each in images:
        how = "as decoded, for they are resized after augmentation" if each.pixels is None else "resized"
        log.info("images of %s are kept %s: %s", each.split, how, decimal(int(each.bytes.sum())))


def _read_again(trainer: pl.Trainer, datamodule: DataModule) -> list[str]:
    """The splits that are read several times; none where the training split is not, which has most of the images."""
    epochs = _MANY if trainer.max_epochs is None or trainer.max_epochs < 0 else trainer.max_epochs
    train, val = (datamodule.epochs_of_inputs(split, epochs) for split in ("train", "val"))
    if train < 2:
        return []
    return ["train", "val"] if val // (trainer.check_val_every_n_epoch or 1) > 1 else ["train"]


@dataclass(frozen=True)
class _Images:
    """Those of a split.

    Attributes:
        split: Its name.
        pixels: What the backbone resizes each with; None where they can be kept only as they are decoded.
        rows: (n,) of the table, by ascending size.
        contents: (n,) hashes.
        sizes: (n, 2), width and height in the file.
        bytes: (n,) what each takes.
    """

    split: str
    pixels: Callable[[Tensor], Tensor] | None
    rows: Rows
    contents: Digests
    sizes: NDArray[np.int64]
    bytes: NDArray[np.int64]


def _images(split: str, datamodule: DataModule) -> _Images:
    table, rows, train = datamodule.table, datamodule.splits[split], split == "train"
    assert table.digests is not None
    assert table.sizes is not None
    each, finish = in_two(datamodule.preprocess(train))
    resized = finish is not None and not (train and datamodule.augment is not None)
    taken = np.full(len(rows), each(table.load(int(rows[0]))).nbytes) if resized else 3 * table.sizes[rows].prod(axis=1)
    order = np.argsort(taken, kind="stable")
    rows = rows[order]
    return _Images(split, each if resized else None, rows, table.digests[rows], table.sizes[rows], taken[order])


def _decoded(images: _Images, datamodule: DataModule, root: Path, own: Key) -> Decoded:
    """Takes images from the disk, and puts those there that are missing; `own`: settings that count too."""
    key = {**key_of_images(images.pixels, datamodule), **own}
    store = Store(key, root, holds="images", in_memory=False)
    parts = parts_with(images.contents, store, images.bytes, _decoding(images, datamodule))
    order = np.argsort(images.rows)
    kept = Features(parts, images.contents[order])
    load = Unpadded(kept.one, images.sizes[order]) if images.pixels is None else kept.one
    return Decoded(Placed(load, images.rows[order]), resized=images.pixels is not None)


def _decoding(images: _Images, datamodule: DataModule) -> Compute:
    batches: list[list[Draw]] = []
    loader = datamodule.decoding(images.rows, images.pixels, batches)

    def compute(positions: NDArray[np.int64], advance: Callable[[int], None]) -> Tensor:
        size = datamodule.eval_batch_size
        chunks = [positions[start : start + size] for start in range(0, len(positions), size)]
        batches[:] = [[Draw(0, position) for position in chunk.tolist()] for chunk in chunks]
        found: list[Tensor] = []
        for batch in loader:
            found += batch["inputs"]
            advance(len(batch["index"]))
        return padded(found) if images.pixels is None else torch.stack(found)

    return compute
