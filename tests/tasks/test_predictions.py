import torch

from graft.tasks.predictions import Predictions


def test_predictions_are_ordered_by_sample():
    predictions = Predictions()
    predictions.add(torch.tensor([7, 2]), torch.tensor([1, 0]), torch.tensor([[0.1, 0.9], [0.8, 0.2]]))
    predictions.add(torch.tensor([5]), torch.tensor([1]), torch.tensor([[0.3, 0.7]]))
    predictions.gather()
    assert predictions.index.tolist() == [2, 5, 7]
    assert predictions.target.tolist() == [0, 1, 1]
    assert torch.equal(predictions.values, torch.tensor([[0.8, 0.2], [0.3, 0.7], [0.1, 0.9]]))
