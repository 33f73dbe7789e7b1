"""What watches a training."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from graft.config.schema.kinds import ABSENT, BelowOne, Count, NonNegative, Range, Share


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


@dataclass(kw_only=True)
class Newest(Checkpoint):
    """graft.runs.checkpoints.Newest."""

    pause: NonNegative


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
    """pytorch_lightning.callbacks.RichProgressBar of 2.6, and Graft's own."""

    refresh_rate: Annotated[int, Range(0)] = ABSENT
    leave: bool = ABSENT
    theme: Any = ABSENT
    console_kwargs: Any = ABSENT


@dataclass
class MovingAverage:
    """configs/average/ema.yaml."""

    decay: BelowOne


@dataclass
class WiseFT:
    """configs/average/wise_ft.yaml."""

    alphas: list[Share]
