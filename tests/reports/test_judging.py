import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from graft.reports.contents import Predicted
from graft.reports.judging import confusion, fitted_temperature, most_confused, reliability


def drawn(count, temperature, seed):
    """Predictions of three classes whose logits are `temperature` times those that the targets are drawn from."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(count, 3)) * 2

    def softmax(values):
        return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)

    target = np.array([generator.choice(3, p=row) for row in softmax(logits)])
    return Predicted(target, softmax(logits * temperature))


def test_confusion_has_the_truth_in_its_rows():
    values = np.eye(3)[[0, 1, 1, 2]]
    assert confusion(Predicted(np.array([0, 0, 1, 2]), values), 3).tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_what_is_confused_most_comes_first_and_right_predictions_never():
    counts = np.array([[50, 2, 0], [5, 5, 0], [0, 1, 9]])
    assert most_confused(counts, 2) == [(1, 0, 5, 0.5), (0, 1, 2, 2 / 52)]
    assert len(most_confused(counts, 9)) == 3


def test_the_calibration_error_is_that_of_torchmetrics():
    predicted = drawn(500, 1.7, seed=0)
    expected = multiclass_calibration_error(
        torch.from_numpy(predicted.values), torch.from_numpy(predicted.target), num_classes=3, n_bins=15
    )
    found = reliability(predicted)
    assert found.error == pytest.approx(expected.item(), abs=1e-4)
    assert found.share.sum() == pytest.approx(1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found_and_calibrates_other_samples(temperature):
    found = fitted_temperature(drawn(4000, temperature, seed=1))
    assert found == pytest.approx(temperature, rel=0.1)
    other = drawn(4000, temperature, seed=2)
    assert reliability(other, found).error < 0.03
    if temperature == 3.0:
        assert reliability(other).error > 0.1
