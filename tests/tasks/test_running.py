import math

import pytest
import torch
from torchmetrics.classification import MulticlassAccuracy

from graft.tasks.running import RunningScores


def test_scores_are_means_over_samples_and_start_anew():
    scores = RunningScores({"accuracy": MulticlassAccuracy(num_classes=2, average="micro")})
    right, wrong = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.1, 0.9]])
    scores.add(torch.tensor(1.0), right.repeat(3, 1), torch.zeros(3, dtype=torch.int64))
    scores.add(torch.tensor(5.0), wrong, torch.zeros(1, dtype=torch.int64))
    values = scores.take("val/")
    assert values == {"val/accuracy": pytest.approx(0.75), "val/loss": pytest.approx(2.0)}
    assert all(type(value) is float for value in values.values())
    scores.add(torch.tensor(7.0), wrong, torch.zeros(1, dtype=torch.int64))
    assert scores.take() == {"accuracy": 0.0, "loss": 7.0}


@pytest.mark.parametrize("at_once", [1, 5, 6, 100])
def test_however_many_batches_are_taken_in_at_once_the_scores_are_the_same(monkeypatch, at_once):
    monkeypatch.setattr("graft.tasks.running.AT_ONCE", at_once)
    scores = RunningScores({"accuracy": MulticlassAccuracy(num_classes=2, average="micro")})
    right = torch.tensor([[0.9, 0.1]])
    for size, target, loss in ((1, 0, 1.0), (2, 1, 2.0), (3, 0, 3.0), (2, 0, 4.0)):
        scores.add(torch.tensor(loss), right.repeat(size, 1), torch.full((size,), target))
    assert scores.mean_loss() == pytest.approx((1 + 4 + 9 + 8) / 8)
    assert scores.take() == {"accuracy": pytest.approx(6 / 8), "loss": pytest.approx(22 / 8)}


def test_it_leaves_nothing_in_a_checkpoint():
    scores = RunningScores({"accuracy": MulticlassAccuracy(num_classes=2)})
    scores.add(torch.tensor(1.0), torch.tensor([[0.9, 0.1]]), torch.zeros(1, dtype=torch.int64))
    assert not scores.state_dict()


def test_a_loss_that_is_nan_in_one_batch_is_nan_in_the_mean():
    scores = RunningScores({})
    for loss in (1.0, math.nan, 2.0):
        scores.add(torch.tensor(loss), torch.ones(4, 2) / 2, torch.zeros(4, dtype=torch.int64))
    assert math.isnan(scores.take()["loss"])
