import numpy as np
import pytest
import torch
from torchmetrics import MeanMetric, MeanSquaredError
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC

from graft.tasks.intervals import bootstrap_intervals, scores_by
from graft.tasks.predictions import Predictions


def predictions(target, values):
    made = Predictions()
    made.add(torch.arange(len(target)), target, values)
    made.gather()
    return made


@pytest.fixture
def coin():
    """400 predictions, 300 of them right."""
    target = torch.arange(400) % 2
    said = torch.where(torch.arange(400) < 300, target, 1 - target)
    return predictions(target, torch.nn.functional.one_hot(said, 2).float())


def test_the_interval_of_an_accuracy_is_that_of_the_binomial_distribution(coin):
    (low, high) = bootstrap_intervals(
        {"accuracy": MulticlassAccuracy(2, average="micro")}, coin, resamples=500, seed=0
    )["accuracy"]
    deviation = (0.75 * 0.25 / 400) ** 0.5
    assert low == pytest.approx(0.75 - 1.96 * deviation, abs=0.008)
    assert high == pytest.approx(0.75 + 1.96 * deviation, abs=0.008)


def test_the_interval_is_of_the_seed_and_leaves_the_metric_alone(coin):
    metric = MulticlassAccuracy(2, average="micro")
    metric.update(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    first, again = (bootstrap_intervals({"a": metric}, coin, resamples=50, seed=3) for _ in range(2))
    assert first == again != bootstrap_intervals({"a": metric}, coin, resamples=50, seed=4)
    assert metric.compute() == 0


def test_a_metric_that_is_never_defined_has_no_interval():
    class Undefined(MeanMetric):
        def update(self, values, target):
            super().update(torch.tensor(1.0))

        def compute(self):
            return torch.tensor(float("nan"))

    given = predictions(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 2.0]))
    assert bootstrap_intervals({"u": Undefined(), "mse": MeanSquaredError()}, given, resamples=40, seed=0).keys() == {
        "mse"
    }


def test_scores_by_group_are_those_of_its_own_samples(coin):
    groups = np.where(np.arange(400) < 300, "easy", "hard")
    scores = scores_by({"accuracy": MulticlassAccuracy(2, average="micro")}, coin, groups)
    assert scores == {"easy": {"samples": 300, "accuracy": 1.0}, "hard": {"samples": 100, "accuracy": 0.0}}


def test_a_group_of_one_class_is_scored_without_a_warning():
    given = predictions(torch.tensor([0, 0, 1]), torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]))
    scores = scores_by({"auroc": MulticlassAUROC(2)}, given, np.array(["a", "a", "b"]))
    assert scores["a"]["samples"] == 2
