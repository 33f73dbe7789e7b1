"""Tasks, their heads and losses."""

from dataclasses import dataclass
from typing import Literal

from graft.config.schema.kinds import ABSENT, Count, Node, Nodes, NonNegative, Share


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
class CrossEntropyLoss:
    """configs/task/loss/cross_entropy.yaml."""

    label_smoothing: Share = ABSENT
    ignore_index: int = ABSENT


@dataclass
class FocalLoss:
    """configs/task/loss/focal.yaml."""

    gamma: NonNegative


@dataclass
class MacroMetric:
    """An entry of `task.metrics` of Graft's own: it has no settings."""
