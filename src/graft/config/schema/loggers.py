"""Where metrics go."""

from dataclasses import dataclass
from typing import Literal

from graft.config.schema.kinds import ABSENT, Count


@dataclass
class WandbLogger:
    """configs/logger/wandb.yaml."""

    project: str
    entity: str | None
    name: str
    save_dir: str
    mode: Literal["auto", "online", "offline"]
    tags: dict[str, bool | None]

    # Absent in runs from before there were these.
    group: str | None = ABSENT
    job_type: str | None = ABSENT
    monitor: str | None = ABSENT
    goal: Literal["max", "min"] | None = ABSENT
    watch: Literal["gradients", "parameters", "all"] | None = ABSENT
    watch_every: Count = ABSENT
    checkpoint: Literal[True, False, "auto"] = ABSENT
    code: bool = ABSENT
    links: str | None = ABSENT


@dataclass
class TensorboardLogger:
    """configs/logger/tensorboard.yaml."""

    save_dir: str


@dataclass
class TrackioLogger:
    """configs/logger/trackio.yaml."""

    project: str
    name: str
    group: str | None
    save_dir: str
    folder: str
