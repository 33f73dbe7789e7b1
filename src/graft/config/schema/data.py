"""Data, and how they are split."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from graft.config.schema.kinds import ABSENT, Count, Node, Range, Seed, Share


@dataclass(kw_only=True)
class Split:
    """Shares of the samples, and the seed that draws them."""

    test: Share
    val: Share
    seed: Seed
    fold: str | int | None  # a number alone is told how to say it by the datamodule
    val_fold: str | int | None = ABSENT  # in runs from before it could be said


@dataclass(kw_only=True)
class GroupedSplit(Split):
    """The same, with samples that stay together."""

    group: str | None


@dataclass
class SeedOfSplit:
    """Of splits that are given: what draws a part of them."""

    seed: Seed


@dataclass(kw_only=True)
class Datamodule:
    """What every datamodule has."""

    name: str
    batch_size: Count
    eval_batch_size: Count
    num_workers: Annotated[int, Range(0)] | None
    shots: Count | None
    limit: Count | None
    bad_files: Literal["error", "skip"]
    sampler: Literal["shuffled", "balanced"]
    license: str | None = ABSENT  # in runs from before it was asked for


@dataclass(kw_only=True)
class ELPV(Datamodule):
    """configs/datamodule/elpv.yaml."""

    distribution: str
    label_weights: Literal["none", "confidence"]
    split: Split


@dataclass(kw_only=True)
class ImageFolder(Datamodule):
    """configs/datamodule/image_folder.yaml."""

    root: str
    split: GroupedSplit


@dataclass(kw_only=True)
class Torchvision(Datamodule):
    """configs/datamodule/torchvision.yaml."""

    dataset: str
    root: str
    download: bool
    options: dict[str, Any]
    split: Split


@dataclass(kw_only=True)
class HuggingFace(Datamodule):
    """configs/datamodule/huggingface.yaml."""

    dataset: str
    config: str | None
    sample: str | None
    label: str | None
    group: str | None = ABSENT
    facets: list[str] = ABSENT
    min_rows: Count = ABSENT
    split: Split


@dataclass
class Columns:
    """Which column of a table file is what."""

    sample: str
    labels: str | list[str]
    separator: str | None
    split: str | None
    group: str | None
    facets: list[str]
    min_rows: Count = ABSENT


@dataclass(kw_only=True)
class TableFile(Datamodule):
    """configs/datamodule/image_table.yaml and text_table.yaml."""

    path: str
    columns: Columns
    split: Split


@dataclass
class Archive:
    """A release on the package registry."""

    distribution: str
    version: str
    sha256: str


Domain = Literal["movies", "products", "editorials", "tweets"]


@dataclass(kw_only=True)
class Sentiment(Datamodule):
    """configs/datamodule/sentiment.yaml."""

    archive: Archive
    neutral: Annotated[float, Range(0, 4)]
    classes: Literal[2, 3]
    train_domains: list[Domain]
    test_domains: list[Domain]
    split: Split


@dataclass(kw_only=True)
class Streaming(Datamodule):
    """configs/datamodule/streaming.yaml."""

    folder: str
    split: SeedOfSplit


@dataclass
class OnBatches:
    """An entry of configs/augmentation/*.yaml that mixes the samples of a batch."""

    mix: Node
