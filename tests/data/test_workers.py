from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from graft.data.samples import FeatureSamples, Samples, Scheduled
from graft.data.workers import loader_processes


class Clock:
    """Stands still but for what samples are said to cost."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Samples]:
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)

    def make(seconds: float) -> Samples:
        def load(row: int) -> torch.Tensor:
            clock.now += seconds
            return torch.zeros(1)

        table: Any = SimpleNamespace(load=load, targets=np.zeros(3, dtype=np.int64), weights=None)
        return Samples(table, np.arange(3), lambda sample: sample, seed=None)

    return make


def on_cores(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(count)), raising=False)


@pytest.mark.parametrize(
    ("seconds", "cores", "training", "expected"),
    [
        (0.0001, 64, 1, 0),  # sending would take longer than loading
        (0.008, 64, 1, 4),  # a batch of 10 takes 80 ms
        (0.2, 64, 1, 8),
        (0.2, 4, 1, 3),
        (0.2, 4, 2, 1),
        (0.2, 1, 1, 0),
        (30, 64, 1, 8),
    ],
)
def test_there_are_as_many_as_loading_is_worth(
    samples: Callable[[float], Samples],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    cores: int,
    training: int,
    expected: int,
):
    on_cores(cores, monkeypatch)
    assert loader_processes(samples(seconds), 10, training) == expected


def test_the_epochs_that_load_most_count(samples: Callable[[float], Samples], monkeypatch: pytest.MonkeyPatch):
    on_cores(4, monkeypatch)
    inputs = samples(0.2)
    features = FeatureSamples(inputs.table, inputs.rows, torch.zeros(3, 1))
    assert loader_processes(features, 10) == 0
    assert loader_processes(Scheduled(((0, features), (3, inputs))), 10) == 3
