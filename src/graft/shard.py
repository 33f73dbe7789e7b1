"""`graft shard`: writes a datamodule's samples as shards, from which `datamodule=streaming` trains."""

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from graft.build import without_licence
from graft.config.instantiate import build, target_of
from graft.config.places import with_absolute_paths
from graft.data import DataModule
from graft.data.augmentation import Transform
from graft.data.chunks import check_extra
from graft.data.samples import as_is
from graft.data.sharding import write_shards
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


def _target(cfg: DictConfig) -> Path:
    if "://" in cfg.to:
        raise ConfigError(f"to={cfg.to} is an address: write to a folder, and copy it there with the store's own tool.")
    target = Path(cfg.to).expanduser().absolute()
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise ConfigError(f"to={cfg.to} exists already and is not empty: choose another name.")
    return target


def _datamodule(cfg: DictConfig) -> DataModule:
    kind = target_of(cfg.task).kind
    datamodule: DataModule = build(
        without_licence(cfg.datamodule), preprocess=_as_they_are, augment=None, mix=(), seed=0, kind=kind
    )
    datamodule.setup()
    return datamodule


def _as_they_are(train: bool) -> Transform:
    return as_is


def _described(cfg: DictConfig) -> dict[str, Any]:
    resolved = OmegaConf.to_container(with_absolute_paths(cfg).datamodule, resolve=True)
    return redact_tree(resolved)  # type: ignore[no-any-return]
