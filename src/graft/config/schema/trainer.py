"""The trainer."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from graft.config.schema.kinds import ABSENT, Count, Node, NonNegative, Range

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
    compile: bool = ABSENT  # Graft's own
    val_check_interval: int | float | str | dict[str, int] | None = ABSENT


@dataclass(kw_only=True)
class ShardedStages:
    """configs/trainer/fsdp.yaml."""

    process_group_backend: str | None = ABSENT
