"""`graft shard`: writes a datamodule's samples as shards, from which `datamodule=streaming` trains."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.progress import track

from graft.config.instantiate import build, target_of
from graft.config.places import with_absolute_paths
from graft.data import DataModule
from graft.data.augmentation import Transform
from graft.data.checks import settle
from graft.data.chunks import Writer, check_extra, encoded
from graft.data.samples import as_is
from graft.data.shards import SAMPLES, Placing, save_manifest, save_samples
from graft.data.splits import SPLITS
from graft.data.table import BadFile
from graft.errors import ConfigError
from graft.runs.atomic import appearing
from graft.runs.log import logging_to
from graft.runs.secrets import redact_tree
from graft.runs.signals import signals

log = logging.getLogger(__name__)

_MB = 1_000_000


def shard(cfg: DictConfig) -> Path:
    """Writes the samples that are in a split, each split in shards of its own, in its order.

    Returns:
        The folder, which is there when it is whole.

    Raises:
        GraftError: The folder holds something, the extra is missing, or the data cannot be read.
    """
    target = _target(cfg)
    check_extra("graft shard")
    with signals(), logging_to(None):
        datamodule = _datamodule(cfg)
        with appearing(target) as folder:
            written = write_shards(datamodule, folder, int(cfg.chunk_mb * _MB), _described(cfg))
    counted = ", ".join(f"{name} {count:,}" for name, count in written.items())
    print(
        f"shards: {target} ({counted})\nto train from them: graft train datamodule=streaming datamodule.folder={target}"
    )
    return target


def write_shards(datamodule: DataModule, folder: Path, chunk_bytes: int, source: dict[str, Any]) -> dict[str, int]:
    """Writes shards of all splits, the table of their samples, and last the manifest.

    Args:
        datamodule: set up.
        folder: empty.
        chunk_bytes: of a chunk.
        source: for the manifest.

    Returns:
        By split, the number of samples.

    Raises:
        GraftError: Samples cannot be read (any more), and `bad_files` is "error".
    """
    table, splits = datamodule.table, datamodule.splits
    placed: dict[int, tuple[int, int, int]] = {}  # by row: split, position, checksum
    bad: list[BadFile] = []
    progress = iter(_shown(sum(map(len, splits.values()))))
    for number, name in enumerate(SPLITS):
        writer = Writer(folder / name, chunk_bytes)
        for row in splits[name].tolist():
            next(progress)
            try:
                placed[row] = number, *writer.add(encoded(table.load, row))
            except (OSError, ValueError) as error:  # it was found good just before, and has changed since
                bad.append(BadFile(table.ids[row], getattr(error, "strerror", None) or str(error)))
        writer.close()
    next(progress, None)
    settle(bad, len(placed) + len(bad), "the splits", datamodule.bad_files)
    rows = np.array(sorted(placed), dtype=np.int64)
    split, position, checksum = np.array([placed[row] for row in rows.tolist()]).T
    placing = Placing(split.astype(np.int8), position, checksum.astype(np.uint32))
    save_samples(folder / SAMPLES, table, rows, placing)
    samples_are = "texts" if isinstance(table.load(int(rows[0])), str) else "images"
    save_manifest(folder, replace(table, skipped=[*table.skipped, *bad]), placing, source, samples_are)
    return {name: len(rows) for name, rows in placing.given().items()}


def _shown(total: int) -> Iterator[int]:
    return iter(track(range(total), "writing shards", transient=True))


def _target(cfg: DictConfig) -> Path:
    if "://" in cfg.to:
        raise ConfigError(f"to={cfg.to} is an address: write to a folder, and copy it there with the store's own tool.")
    target = Path(cfg.to).expanduser().absolute()
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise ConfigError(f"to={cfg.to} exists already and is not empty: choose another name.")
    return target


def _datamodule(cfg: DictConfig) -> DataModule:
    kind = target_of(cfg.task).kind
    datamodule: DataModule = build(cfg.datamodule, preprocess=_as_they_are, augment=None, mix=(), seed=0, kind=kind)
    datamodule.setup()
    return datamodule


def _as_they_are(train: bool) -> Transform:
    return as_is


def _described(cfg: DictConfig) -> dict[str, Any]:
    resolved = OmegaConf.to_container(with_absolute_paths(cfg).datamodule, resolve=True)
    return redact_tree(resolved)  # type: ignore[no-any-return]
