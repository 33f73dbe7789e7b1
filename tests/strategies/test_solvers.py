"""Heads that are solved for, against what they should minimise and against neighbours counted by hand."""

import pytest
import torch
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from graft.errors import ConfigError
from graft.strategies.solvers import LogisticRegression, Memory
from graft.tasks import Head, NearestNeighbours


def blobs(samples=120, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(samples) % classes
    return torch.randn(samples, 6, generator=generator) + 1.5 * torch.eye(6)[targets], targets


def regression(**changes):
    settings = {"lowest": -6, "highest": 5, "count": 12, "held_out": 50, "max_iter": 1000, "tol": 1e-8} | changes
    return LogisticRegression(**settings)


@pytest.mark.parametrize(("weighted", "samples"), [(False, 120), (True, 120), (False, 5)])  # 5: fewer than features
def test_the_gradient_of_the_penalised_loss_is_zero(weighted, samples):
    features, targets = blobs(samples)
    weights = torch.linspace(0.1, 2, len(targets)) if weighted else None
    head = Head(6, 3, hidden=[], dropout=0.0).double()
    found = regression(count=1, lowest=0.3).solve(head, features, targets, weights, seed=0)
    losses = cross_entropy(head(features.double()), targets, reduction="none")
    layer = head[1]
    objective = ((weights.double() * losses) if weighted else losses).sum() * found["chosen"]
    (objective + 0.5 * layer.weight.pow(2).sum()).backward()
    assert layer.weight.grad.abs().max() < 1e-4
    assert layer.bias.grad.abs().max() < 1e-4


def test_of_two_classes_the_logits_differ_by_the_fitted_one():
    features, targets = blobs(classes=2)
    head = Head(6, 2, hidden=[], dropout=0.0)
    regression(count=1, lowest=0).solve(head, features, targets, None, seed=0)
    assert torch.allclose(head[1].weight[0], -head[1].weight[1])
    assert (head(features).argmax(dim=1) == targets).float().mean() > 0.85


def test_the_strength_is_chosen_on_samples_held_out():
    """Noise features: the best fit of the training samples is the worst guess of others."""
    generator = torch.Generator().manual_seed(1)
    features, targets = torch.randn(60, 200, generator=generator), torch.arange(60) % 2
    features[:, 0] += 2.0 * targets
    found = regression(held_out=60).solve(Head(200, 2, hidden=[], dropout=0.0), features, targets, None, seed=0)
    scores = dict(zip(found["candidates"], found["held_out_accuracy"], strict=True))
    assert scores[found["chosen"]] == max(scores.values())
    assert min(scores.values()) < max(scores.values()) < 0.9  # the fitted samples themselves are all told apart
    assert found["chosen"] < 1e5


def test_of_strengths_that_are_right_as_often_the_likeliest_is_taken():
    torch.manual_seed(0)
    targets = torch.arange(20) % 2
    features = torch.randn(20, 8) + 4 * targets[:, None]  # whatever the strength, all are told apart
    head = Head(8, 2, hidden=[], dropout=0.0)
    found = regression().solve(head, features, targets, None, seed=0)
    assert set(found["held_out_accuracy"]) == {1.0}
    assert found["chosen"] > 1
    assert head(features).softmax(1)[range(20), targets].min() > 0.9


def test_a_class_of_one_sample_cannot_be_held_out_and_one_strength_needs_no_choice():
    features, targets = blobs(samples=3)
    head = Head(6, 3, hidden=[], dropout=0.0)
    with pytest.raises(ConfigError, match=r"strategy\.start\.count=1"):
        regression().solve(head, features, targets, None, seed=0)
    found = regression(count=1, lowest=-0.5).solve(head, features, targets, None, seed=0)
    assert found["chosen"] == pytest.approx(10**-0.5)
    assert found["held_out_accuracy"] == []


def test_tenths_are_held_out_until_there_are_enough_samples_to_choose_by(monkeypatch):
    features, targets = blobs()
    held = []
    split = StratifiedKFold.split

    def counted(self, *arrays):
        for kept, out in split(self, *arrays):
            held.append(len(out))
            yield kept, out

    monkeypatch.setattr(StratifiedKFold, "split", counted)
    regression(held_out=30, count=2).solve(Head(6, 3, hidden=[], dropout=0.0), features, targets, None, seed=0)
    assert held == [12, 12, 12]


def test_a_class_without_a_sample_is_told():
    features, targets = blobs(classes=2)
    with pytest.raises(ConfigError, match="of 3 classes, 1 without a training sample"):
        regression().solve(Head(6, 3, hidden=[], dropout=0.0), features, targets, None, seed=0)


def test_a_weight_counts_as_so_many_votes_and_autocast_changes_none():
    features, targets = blobs()
    weights = torch.linspace(0.2, 3, len(targets))
    head = NearestNeighbours(6, 3, temperature=0.07)
    head.memorise(features, targets, weights)
    head.k = 9
    query = blobs(samples=1, seed=5)[0]
    similarities = normalize(features, dim=1) @ normalize(query, dim=1)[0]
    votes = torch.zeros(3)
    for row in similarities.argsort(descending=True)[:9]:
        votes[targets[row]] += weights[row] * torch.exp(similarities[row] / 0.07)
    assert torch.allclose(head(query).softmax(dim=1)[0], votes / votes.sum(), atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(head(query), head(query).float())
        assert torch.allclose(head(query).softmax(dim=1)[0], votes / votes.sum(), atol=1e-5)


def test_a_head_that_is_not_linear_is_refused():
    with pytest.raises(ConfigError, match=r"task\.head\.hidden=\[\]"):
        regression().check(Head(6, 3, hidden=[4], dropout=0.0))
    with pytest.raises(ConfigError, match="NearestNeighbours"):
        Memory([10]).check(nn.Linear(6, 3))


def test_the_nearest_vote_by_the_weights_of_the_paper():
    features, targets = blobs()
    head = NearestNeighbours(6, 3, temperature=0.07)
    head.memorise(features, targets, None)
    head.k = 7
    queries = blobs(samples=9, seed=5)[0]
    shares = head(queries).softmax(dim=1)
    for query, found in zip(queries, shares, strict=True):
        similarities = normalize(features, dim=1) @ normalize(query, dim=0)
        nearest = similarities.argsort(descending=True)[:7]
        votes = torch.zeros(3)
        for row in nearest:
            votes[targets[row]] += torch.exp(similarities[row] / 0.07)
        assert torch.allclose(found, votes / votes.sum(), atol=1e-5)


def test_k_is_chosen_by_leaving_one_out_and_comes_back_from_a_checkpoint():
    features, targets = blobs()
    head = NearestNeighbours(6, 3, temperature=0.07)
    found = Memory([10, 20, 100, 200]).solve(head, features, targets, None, seed=0)
    assert found["candidates"] == [10, 20, 100]  # 200 of 120 samples there are not
    alone = NearestNeighbours(6, 3, temperature=0.07)
    right = 0
    for row in range(len(features)):
        rest = torch.arange(len(features)) != row
        alone.memorise(features[rest], targets[rest], None)
        alone.k = head.k
        right += int(alone(features[row : row + 1]).argmax()) == int(targets[row])
    assert max(found["held_out_accuracy"]) == pytest.approx(right / len(features))
    fresh = NearestNeighbours(6, 3, temperature=0.07)
    fresh.load_state_dict(head.state_dict())
    assert fresh.k == head.k
    assert torch.equal(fresh(features[:5]), head(features[:5]))
