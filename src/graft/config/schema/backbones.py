"""Backbones, and the packages that hold their weights."""

from dataclasses import dataclass
from typing import Annotated, Literal

from graft.config.schema.kinds import ABSENT, Count, Range, Share


@dataclass
class Package:
    """Weights inside an installed Python package."""

    distribution: str
    file: str
    sha256: str


@dataclass
class TimmBackbone:
    """configs/backbone/timm.yaml."""

    model: str
    weights: str
    package: Package | None
    drop_path_rate: Share
    channels_last: bool
    image_size: Count | None
    crop_pct: Share | None
    interpolation: Literal["nearest", "bilinear", "bicubic"] | None
    mean: list[float] | None
    std: list[float] | None
    license: str | None = ABSENT  # in runs from before it was asked for


@dataclass
class PackageFolder:
    """A model's folder inside an installed Python package."""

    distribution: str
    folder: str
    sha256: str


@dataclass
class TransformersBackbone:
    """configs/backbone/transformers.yaml."""

    model: str
    weights: str
    package: PackageFolder | None
    pooling: Literal["mean", "cls"]
    max_length: Annotated[int, Range(3)] | None
    dropout: Share | None
    license: str | None = ABSENT  # likewise
