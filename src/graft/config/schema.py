"""What the configuration may hold: the keys and types of everything that Graft owns, as dataclasses.

The YAML files hold the values and say what each key means; here is what they are checked against. A node is known by
its `_target_`, so that a file of a user's own with a `_target_` of Graft's is checked as Graft's files are. The targets
themselves are never imported. A field with a default may be absent from the YAML; any other must be there.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

ABSENT: Any = None  # where the key is absent, the library's own default holds


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both included; `high=None` leaves it open."""

    low: float
    high: float | None = None

    def __str__(self) -> str:
        return f" of at least {self.low}" if self.high is None else f" from {self.low} to {self.high}"


Count = Annotated[int, Range(1)]
Share = Annotated[float, Range(0, 1)]
NonNegative = Annotated[float, Range(0)]
Seed = Annotated[int, Range(0, 2**32 - 1)]  # what NumPy takes


class Node:
    """Any mapping with a `_target_`; checked further where Graft owns the target."""


Nodes = dict[str, Node | None]  # null switches an entry off


# --- backbones


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


# --- data


@dataclass
class Split:
    """Shares of the samples, and the seed that draws them."""

    test: Share
    val: Share
    seed: Seed
    fold: str | int | None  # a number alone is told how to say it by the datamodule


@dataclass
class GroupedSplit(Split):
    """The same, with samples that stay together."""

    group: str | None


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


@dataclass
class OnBatches:
    """An entry of configs/augmentation/*.yaml that mixes the samples of a batch."""

    mix: Node


# --- tasks


@dataclass
class Head:
    """configs/task/head/linear.yaml."""

    hidden: list[Count]
    dropout: Share


@dataclass
class Supervised:
    """configs/task/multilabel.yaml and regression.yaml."""

    head: Node
    loss: Node
    metrics: Nodes
    test_time_augmentation: Nodes


@dataclass
class Classification(Supervised):
    """configs/task/classification.yaml."""

    class_weights: Literal["none", "balanced"]


@dataclass
class FocalLoss:
    """configs/task/loss/focal.yaml."""

    gamma: NonNegative


# --- what learns, when and how fast


@dataclass
class Phase:
    """One phase of a strategy."""

    train: str
    epochs: Count | None
    lr_scale: NonNegative
    lr_decay: Share
    parameters: Literal["all", "biases", "norms", "adapter"] = ABSENT


@dataclass
class Strategy:
    """configs/strategy/*.yaml."""

    name: str
    phases: list[Phase]
    k: Annotated[int, Range(0)] | None = ABSENT
    stage: str | None = ABSENT
    trial_epochs: Count = ABSENT
    start: Node | None = ABSENT
    adapter: Node | None = ABSENT


@dataclass
class LogisticRegression:
    """What configs/strategy/linear_probe.yaml starts from."""

    lowest: float
    highest: float
    count: Count
    held_out: Count
    max_iter: Count
    tol: NonNegative


@dataclass
class Memory:
    """What configs/strategy/knn.yaml starts from."""

    k: list[Count]


@dataclass
class NearestNeighbours:
    """configs/task/head/nearest_neighbours.yaml."""

    temperature: Annotated[float, Range(1e-3)]


@dataclass
class LoRA:
    """The adapter of configs/strategy/lora.yaml and dora.yaml."""

    rank: Count
    alpha: NonNegative
    dropout: Share
    weight_decomposed: bool
    targets: str | None


@dataclass
class IA3:
    """The adapter of configs/strategy/ia3.yaml."""

    targets: str | None
    feedforward: str | None


@dataclass
class L2SP:
    """configs/penalty/l2sp.yaml."""

    strength: NonNegative


@dataclass
class Optimizer:
    """Any optimizer: the keys that configs/optimizer has; the class checks the others."""

    open: ClassVar[bool] = True

    _partial_: Literal[True]
    lr: NonNegative
    weight_decay: NonNegative = ABSENT
    momentum: NonNegative = ABSENT
    nesterov: bool = ABSENT
    betas: list[Share] = ABSENT


@dataclass
class Constant:
    """configs/scheduler/constant.yaml."""

    _partial_: Literal[True]


@dataclass
class Cosine:
    """configs/scheduler/cosine.yaml."""

    _partial_: Literal[True]
    warmup: Share


@dataclass
class Triangular:
    """configs/scheduler/linear.yaml."""

    _partial_: Literal[True]
    warmup: Share
    ratio: Annotated[float, Range(1)]


@dataclass
class OneCycle:
    """configs/scheduler/one_cycle.yaml."""

    _partial_: Literal[True]
    warmup: Share
    start: Share
    end: Share


@dataclass
class Step:
    """configs/scheduler/step.yaml."""

    _partial_: Literal[True]
    at: list[Share]
    factor: Share


@dataclass
class Plateau:
    """configs/scheduler/plateau.yaml."""

    _partial_: Literal[True]
    monitor: str
    mode: Literal["max", "min"]
    factor: Share
    patience: Annotated[int, Range(0)]
    frequency: Count


# --- callbacks


@dataclass
class Checkpoint:
    """The checkpoints of configs/callbacks/default.yaml; Lightning's class checks the other keys."""

    open: ClassVar[bool] = True

    dirpath: str
    filename: str
    monitor: str | None
    mode: Literal["max", "min"] = ABSENT
    save_top_k: Annotated[int, Range(-1)] = ABSENT
    every_n_epochs: Count | None = ABSENT
    every_n_train_steps: Count | None = ABSENT
    save_on_train_epoch_end: bool | None = ABSENT
    save_weights_only: bool = ABSENT
    enable_version_counter: bool = ABSENT


@dataclass
class EarlyStopping:
    """pytorch_lightning.callbacks.EarlyStopping of 2.6."""

    monitor: str
    mode: Literal["max", "min"]
    patience: Annotated[int, Range(0)]

    min_delta: float = ABSENT
    verbose: bool = ABSENT
    strict: bool = ABSENT
    check_finite: bool = ABSENT
    stopping_threshold: float | None = ABSENT
    divergence_threshold: float | None = ABSENT
    check_on_train_epoch_end: bool | None = ABSENT
    log_rank_zero_only: bool = ABSENT


@dataclass
class LearningRateMonitor:
    """pytorch_lightning.callbacks.LearningRateMonitor of 2.6."""

    logging_interval: Literal["step", "epoch"] | None = ABSENT
    log_momentum: bool = ABSENT
    log_weight_decay: bool = ABSENT


@dataclass
class RichProgressBar:
    """pytorch_lightning.callbacks.RichProgressBar of 2.6."""

    refresh_rate: Annotated[int, Range(0)] = ABSENT
    leave: bool = ABSENT
    theme: Any = ABSENT
    console_kwargs: Any = ABSENT


@dataclass
class MovingAverage:
    """configs/average/ema.yaml."""

    decay: Share


@dataclass
class WiseFT:
    """configs/average/wise_ft.yaml."""

    alphas: list[Share]


# --- the trainer

Precision = Literal[
    "auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true", "transformer-engine",
    "transformer-engine-float16", "64", "32", "16", "bf16", 64, 32, 16,
]  # fmt: skip
Batches = int | float | None  # a number of batches, or a share of them


@dataclass(kw_only=True)
class Trainer:
    """pytorch_lightning.Trainer of 2.6; the keys without default are those that configs/trainer/auto.yaml sets."""

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"]
    devices: int | str | list[int]
    num_nodes: Count
    strategy: str | Node
    max_epochs: Literal[-1] | Count | None  # -1: until something else stops it
    precision: Precision
    accumulate_grad_batches: Count
    gradient_clip_val: NonNegative | None
    check_val_every_n_epoch: Count | None
    deterministic: bool | Literal["warn"]
    log_every_n_steps: Annotated[int, Range(0)]
    num_sanity_val_steps: int
    enable_model_summary: bool
    use_distributed_sampler: bool

    barebones: bool = ABSENT
    benchmark: bool | None = ABSENT
    callbacks: Any = ABSENT
    default_root_dir: str | None = ABSENT
    detect_anomaly: bool = ABSENT
    enable_autolog_hparams: bool = ABSENT
    enable_checkpointing: bool | None = ABSENT
    enable_progress_bar: bool | None = ABSENT
    fast_dev_run: bool | int = ABSENT
    gradient_clip_algorithm: Literal["norm", "value"] | None = ABSENT
    inference_mode: bool = ABSENT
    limit_predict_batches: Batches = ABSENT
    limit_test_batches: Batches = ABSENT
    limit_train_batches: Batches = ABSENT
    limit_val_batches: Batches = ABSENT
    logger: Any = ABSENT
    max_steps: int = ABSENT
    max_time: str | dict[str, int] | None = ABSENT
    min_epochs: int | None = ABSENT
    min_steps: int | None = ABSENT
    model_registry: str | None = ABSENT
    overfit_batches: int | float = ABSENT
    plugins: Any = ABSENT
    profiler: str | Node | None = ABSENT
    reload_dataloaders_every_n_epochs: Annotated[int, Range(0)] = ABSENT
    sync_batchnorm: bool = ABSENT
    val_check_interval: int | float | str | dict[str, int] | None = ABSENT


# --- loggers


@dataclass
class WandbLogger:
    """configs/logger/wandb.yaml."""

    project: str
    entity: str | None
    name: str
    save_dir: str
    mode: Literal["auto", "online", "offline"]
    tags: dict[str, bool | None]


@dataclass
class TensorboardLogger:
    """configs/logger/tensorboard.yaml."""

    save_dir: str


# --- whole configurations


@dataclass
class Paths:
    """configs/paths/default.yaml."""

    root: str
    logs: str
    run_dir: str


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


@dataclass
class Evaluate:
    """configs/evaluate.yaml."""

    run: str
    source: str | None
    split: Literal["train", "val", "test"]
    checkpoint: Literal["best", "last"]


@dataclass
class Predict:
    """configs/predict.yaml."""

    run: str
    inputs: str
    column: str | None
    carry: list[str] | None
    output: str | None
    checkpoint: Literal["best", "last"]


COMMANDS: dict[str, type] = {"train": Train, "evaluate": Evaluate, "predict": Predict}

TARGETS: dict[str, type] = {
    "graft.backbones.TimmBackbone": TimmBackbone,
    "graft.backbones.transformers.TransformersBackbone": TransformersBackbone,
    "graft.data.ELPV": ELPV,
    "graft.data.HuggingFace": HuggingFace,
    "graft.data.ImageFolder": ImageFolder,
    "graft.data.ImageTable": TableFile,
    "graft.data.OnBatches": OnBatches,
    "graft.data.Sentiment": Sentiment,
    "graft.data.TextTable": TableFile,
    "graft.data.Torchvision": Torchvision,
    "graft.runs.loggers.tensorboard_logger": TensorboardLogger,
    "graft.runs.loggers.wandb_logger": WandbLogger,
    "graft.runs.checkpoints.Checkpoint": Checkpoint,
    "graft.strategies.Strategy": Strategy,
    "graft.strategies.averaging.MovingAverage": MovingAverage,
    "graft.strategies.adapters.IA3": IA3,
    "graft.strategies.adapters.LoRA": LoRA,
    "graft.strategies.interpolation.WiseFT": WiseFT,
    "graft.strategies.penalties.L2SP": L2SP,
    "graft.strategies.solvers.LogisticRegression": LogisticRegression,
    "graft.strategies.solvers.Memory": Memory,
    "graft.strategies.schedules.one_cycle": OneCycle,
    "graft.strategies.schedules.step": Step,
    "graft.strategies.schedules.triangular": Triangular,
    "graft.strategies.schedules.constant": Constant,
    "graft.strategies.schedules.cosine": Cosine,
    "graft.strategies.schedules.plateau": Plateau,
    "graft.tasks.Classification": Classification,
    "graft.tasks.MultiLabel": Supervised,
    "graft.tasks.Regression": Supervised,
    "graft.tasks.FocalLoss": FocalLoss,
    "graft.tasks.Head": Head,
    "graft.tasks.NearestNeighbours": NearestNeighbours,
    "pytorch_lightning.Trainer": Trainer,
    "pytorch_lightning.callbacks.EarlyStopping": EarlyStopping,
    "pytorch_lightning.callbacks.LearningRateMonitor": LearningRateMonitor,
    "pytorch_lightning.callbacks.RichProgressBar": RichProgressBar,
}

# Hydra's own keys, which every node with a `_target_` may have.
HYDRA_KEYS = frozenset({"_target_", "_partial_", "_recursive_", "_convert_", "_args_"})
