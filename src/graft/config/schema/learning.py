"""What learns, when and how fast."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from graft.config.schema.kinds import ABSENT, BelowOne, Count, Node, NonNegative, Range, Share


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
    fused: bool = ABSENT


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
    factor: BelowOne  # 1 would never lower it
    patience: Annotated[int, Range(0)]
