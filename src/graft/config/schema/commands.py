"""Whole configurations, one for each command."""

from dataclasses import dataclass
from typing import Annotated, Literal

from graft.config.schema.kinds import ABSENT, Count, Node, Nodes, NonNegative, Positive, Range, Seed, Share
from graft.config.schema.learning import Optimizer


@dataclass
class Paths:
    """configs/paths/default.yaml."""

    root: str
    logs: str
    run_dir: str


@dataclass
class Cache:
    """`cache` in configs/train.yaml."""

    enabled: bool
    folder: str | None
    views: Annotated[int, Range(1)] | None
    min_epochs: Annotated[int, Range(1)]
    max_gb: NonNegative
    images: bool = ABSENT  # in runs from before images were kept


@dataclass
class Scaling:
    """`lr_scaling` in configs/train.yaml."""

    rule: Literal["none", "linear", "sqrt"]
    base: Count


@dataclass
class Launcher:
    """configs/launcher/*.yaml."""

    jobs: Count


@dataclass
class FindRate:
    """configs/find/lr.yaml."""

    low: Positive
    high: Positive
    steps: Annotated[int, Range(20)]
    phase: Count
    rule: Literal["steepest", "minimum"]


@dataclass
class FindBatchSize:
    """configs/find/batch_size.yaml."""

    lowest: Count
    highest: Count | None
    batches: Count
    steps: Annotated[int, Range(2)]
    memory: Share
    rule: Literal["largest", "fastest"]


@dataclass
class Find:
    """`find` in configs/train.yaml."""

    lr: FindRate | None
    batch_size: FindBatchSize | None


@dataclass
class Train:
    """configs/train.yaml: nothing else may stand at the top."""

    paths: Paths
    backbone: Node
    datamodule: Node
    augmentation: Nodes
    task: Node
    strategy: Node
    penalty: Nodes
    optimizer: Optimizer
    scheduler: Node
    trainer: Node
    callbacks: Nodes
    logger: Nodes
    name: str
    seed: Seed
    monitor: str
    mode: Literal["max", "min"]
    test: bool
    bootstrap: Annotated[int, Range(0)]
    resume: str | None
    cache: Cache = ABSENT  # in runs from before there was one
    lr_scaling: Scaling = ABSENT  # likewise
    report: bool = ABSENT  # likewise
    launcher: Launcher = ABSENT  # likewise
    find: Find = ABSENT  # likewise


@dataclass
class Evaluate:
    """configs/evaluate.yaml."""

    run: str
    source: str | None
    split: Literal["train", "val", "test"]
    checkpoint: Literal["best", "last"]
    data: str | None


@dataclass
class Predict:
    """configs/predict.yaml."""

    run: str
    inputs: str
    column: str | None
    carry: list[str] | None
    output: str | None
    checkpoint: Literal["best", "last"]


@dataclass
class Explain:
    """configs/explain.yaml."""

    run: str
    inputs: str | None
    column: str | None
    target: str | None
    data: str | None
    output: str | None
    checkpoint: Literal["best", "last"]


@dataclass
class Export:
    """configs/export.yaml."""

    run: str
    format: Literal["onnx", "torch", "safetensors", "hub"]
    to: str | None
    checkpoint: Literal["best", "last"]
    quantize: Literal["int8"] | None


@dataclass
class Demo:
    """configs/demo.yaml."""

    run: str
    checkpoint: Literal["best", "last"]
    port: Annotated[int, Range(1, 65535)] | None
    share: bool


@dataclass
class Shard:
    """configs/shard.yaml."""

    paths: Paths
    datamodule: Node
    task: Node
    to: str
    chunk_mb: Annotated[int, Range(1, 2000)]  # litdata counts the bytes of a chunk in 32 bits


COMMANDS: dict[str, type] = {
    "train": Train,
    "evaluate": Evaluate,
    "predict": Predict,
    "explain": Explain,
    "export": Export,
    "demo": Demo,
    "shard": Shard,
}
