"""Searches."""

from dataclasses import dataclass
from typing import Any, Literal

from graft.config.schema.kinds import Count, Node, Seed


@dataclass
class Sweeper:
    """configs/hydra/sweeper/graft.yaml."""

    params: dict[str, Any]
    sampler: Node | None
    pruner: Node | None
    seed: Seed
    metric: str
    mode: Literal["max", "min"]
    minimize: list[str]
    maximize: list[str]
    n_trials: Count | None
    n_jobs: Count
    seeds: Count
    folds: Count
    max_failures: Count
    retry_failed: bool
    best: Literal["test", "retrain"] | None
    study_name: str
    storage: str | None
    trial: int | None
