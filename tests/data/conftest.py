"""Folders of small images, and the settings that every datamodule takes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

MakeImages = Callable[[Mapping[str, int]], Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for every test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def make_images(tmp_path: Path) -> MakeImages:
    """Takes the number of images of each folder, returns their root."""

    def make(counts: Mapping[str, int]) -> Path:
        root = tmp_path / "images"
        noise = np.random.default_rng(0)
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True)
            for number in range(count):
                pixels = noise.integers(0, 256, (6, 5, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / folder / f"{number:03}.png")
        return root

    return make


def to_float(train: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """Stands in for a backbone's preprocessing."""
    return torch.Tensor.float


@pytest.fixture
def settings() -> dict[str, Any]:
    """Of a datamodule, as in configs/datamodule."""
    return {
        "name": "test",
        "batch_size": 4,
        "eval_batch_size": 3,
        "num_workers": 0,
        "shots": None,
        "limit": None,
        "bad_files": "error",
        "split": {"test": 0.25, "val": 0.15, "seed": 0, "group": None},
        "preprocess": to_float,
        "augment": None,
        "seed": 0,
    }
