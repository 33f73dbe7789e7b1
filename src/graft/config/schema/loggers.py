"""Where metrics go."""

from dataclasses import dataclass
from typing import Literal


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
