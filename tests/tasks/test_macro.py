import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from torch.nn.functional import one_hot

from graft.tasks.intervals import bootstrap_intervals, scores_by
from graft.tasks.macro import (
    BalancedAccuracy,
    MulticlassMacroAUROC,
    MulticlassMacroAveragePrecision,
    MultilabelMacroAUROC,
    MultilabelMacroAveragePrecision,
)
from graft.tasks.predictions import Predictions

CURVES = (MulticlassMacroAUROC, MulticlassMacroAveragePrecision)


@pytest.fixture
def drawn():
    """Probabilities of three classes and targets that hold all of them."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(40, 3, generator=generator).softmax(dim=1), torch.arange(40) % 3


def score(metric, values, target):
    metric.update(values, target)
    return float(metric.compute())


def test_where_all_classes_are_there_it_is_the_mean_over_all(drawn):
    values, target = drawn
    known = one_hot(target, 3).numpy()
    assert score(MulticlassMacroAUROC(num_classes=3), values, target) == pytest.approx(
        roc_auc_score(known, values.numpy())
    )
    assert score(MultilabelMacroAUROC(num_labels=3), values, torch.tensor(known)) == pytest.approx(
        roc_auc_score(known, values.numpy())
    )
    for metric, given in (
        (MulticlassMacroAveragePrecision(num_classes=3), target),
        (MultilabelMacroAveragePrecision(num_labels=3), known),
    ):
        assert score(metric, values, torch.as_tensor(given)) == pytest.approx(
            average_precision_score(known, values.numpy())
        )
    wanted = balanced_accuracy_score(target.numpy(), values.argmax(dim=1).numpy())
    assert score(BalancedAccuracy(3), values, target) == pytest.approx(wanted)


def test_a_class_without_samples_does_not_count(drawn):
    values, target = drawn
    rows = target < 2
    known = one_hot(target[rows], 3).numpy()[:, :2]
    assert score(MulticlassMacroAUROC(num_classes=3), values[rows], target[rows]) == pytest.approx(
        roc_auc_score(known, values[rows, :2].numpy())
    )
    said = values[rows].argmax(dim=1).numpy()
    assert (said == 2).any()  # also where it is predicted
    recalls = [(said[target[rows].numpy() == number] == number).mean() for number in (0, 1)]
    assert score(BalancedAccuracy(3), values[rows], target[rows]) == pytest.approx(np.mean(recalls))


def test_of_one_class_alone_no_curve_is_known():
    values, target = torch.eye(3)[[0, 0]], torch.tensor([0, 0])
    assert all(np.isnan(score(metric(num_classes=3), values, target)) for metric in CURVES)
    assert np.isnan(score(MultilabelMacroAUROC(num_labels=2), values[:, :2], torch.ones(2, 2, dtype=torch.long)))


def test_a_rare_class_neither_widens_the_interval_of_a_perfect_model_nor_spoils_a_group():
    target = torch.tensor([0] * 60 + [1] * 38 + [2] * 2)
    predictions = Predictions()
    predictions.add(torch.arange(100), target, one_hot(target, 3).float())
    predictions.gather()
    metrics = {
        "auroc": MulticlassMacroAUROC(num_classes=3),
        "precision": MulticlassMacroAveragePrecision(num_classes=3),
    }
    intervals = bootstrap_intervals(metrics, predictions, resamples=100, seed=0)
    assert all(interval == pytest.approx((1, 1)) for interval in intervals.values())
    groups = scores_by(metrics, predictions, np.array(["one class"] * 60 + ["two"] * 40))
    assert groups["one class"] == {"samples": 60, "auroc": None, "precision": None}
    assert groups["two"] == {"samples": 40, "auroc": 1.0, "precision": 1.0}
