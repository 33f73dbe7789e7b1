"""Heads that are solved for in one pass over the features, without epochs."""

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Regression
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn

from graft.errors import ConfigError, many

log = logging.getLogger(__name__)

_LEAST = 1e-12  # a probability of 0 counts as this
_FOLDS = 10


class Solver(ABC):
    """Finds the head's weights from features; what it cannot know beforehand it chooses on training samples alone."""

    @abstractmethod
    def check(self, head: nn.Module) -> None:
        """Says at once what `solve` could not do.

        Raises:
            ConfigError: The head is of another kind.
        """

    @abstractmethod
    def solve(
        self, head: nn.Module, features: Tensor, targets: Tensor, weights: Tensor | None, seed: int
    ) -> dict[str, Any]:
        """Fills the head.

        Args:
            head: Takes features in.
            features: Of the training samples, `(n, num_features)`.
            targets: Their classes, int64 `(n,)`.
            weights: What each counts, `(n,)`; `None`: all the same.
            seed: Of what is drawn.

        Returns:
            What was chosen and on what grounds, as plain values: `chosen`, `candidates`, and for each of these its
            accuracy on held-out training samples, `held_out_accuracy`, 0 … 1.

        Raises:
            ConfigError: There are too few samples to choose by.
        """


class LogisticRegression(Solver):
    """L2-regularised multinomial logistic regression by L-BFGS, in float64, for a linear head.

    The strength is chosen on a tenth of the training samples, then all of them are fitted with it: the protocol of
    DINOv2 (Oquab et al., TMLR 2024, its code's logistic-regression evaluation), after CLIP (Radford et al., ICML 2021,
    appendix A.3). Where a tenth is less than `held_out` samples, further tenths are held out in turn, as one of ten
    samples says nothing. Of strengths with the same accuracy, that with the greatest likelihood is taken.

    Args:
        lowest: Of the strengths' exponents: C = 10^lowest, the inverse of the L2 penalty of the sum of all losses.
        highest: Likewise.
        count: How many strengths, evenly spaced in the exponent; 1: `lowest`, without a choice.
        held_out: Samples to choose by, at least (where there are as many).
        max_iter: Of L-BFGS.
        tol: Largest entry of the gradient at which it stops.
    """

    def __init__(self, lowest: float, highest: float, count: int, held_out: int, max_iter: int, tol: float) -> None:
        self._strengths = np.logspace(lowest, highest, count).tolist()
        self._held_out = held_out
        self._options = {"max_iter": max_iter, "tol": tol}

    def check(self, head: nn.Module) -> None:
        """Says at once that a head is not linear."""
        _linear(head)

    def solve(
        self, head: nn.Module, features: Tensor, targets: Tensor, weights: Tensor | None, seed: int
    ) -> dict[str, Any]:
        """Fills a linear layer, see `Solver`."""
        layer = _linear(head)
        if absent := layer.out_features - len(set(targets.tolist())):
            raise ConfigError(f"strategy.start: of {layer.out_features} classes, {absent} without a training sample.")
        inputs, back = _coordinates(features.double().numpy())
        labels = targets.numpy()
        counts = None if weights is None else weights.double().numpy()
        several = len(self._strengths) > 1
        scores, likelihoods = self._scores(inputs, labels, counts, seed) if several else (np.ones(1), np.ones(1))
        # Few held-out samples leave many strengths equal, and the strongest penalty is unsure of all.
        chosen = self._strengths[int(np.lexsort((likelihoods, scores))[-1])]
        fitted = self._fitted(self._model(), chosen, inputs, labels, counts)
        if fitted.n_iter_.max() >= self._options["max_iter"]:
            log.warning("logistic regression has not converged: raise strategy.start.max_iter or strategy.start.tol")
        coefficients, intercepts = _rows(fitted)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(back(coefficients)))
            layer.bias.copy_(torch.from_numpy(intercepts))
        return _report("C", chosen, self._strengths, scores)

    def _scores(
        self, inputs: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any] | None, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Accuracy of each strength on held-out samples, and the mean log-likelihood of their labels."""
        fewest = int(np.bincount(labels).min())
        if fewest < 2:
            raise ConfigError(
                "strategy.start chooses its strength on held-out training samples, but a class has"
                f" {fewest}: set strategy.start.count=1 and strategy.start.lowest to the one exponent to use"
                " (CLIP's: -0.5), or take two training samples a class at least."
            )
        # A class with fewer samples than folds has them in different ones, so that each fold leaves some to learn from.
        folds = StratifiedKFold(min(_FOLDS, int(np.bincount(labels).max())), shuffle=True, random_state=seed)
        right, likelihood, held = np.zeros(len(self._strengths)), np.zeros(len(self._strengths)), 0
        for kept, out in _split(folds, inputs, labels):
            model = self._model()
            shown = track(self._strengths, description=f"strengths, by {len(out)} held-out samples", transient=True)
            for number, strength in enumerate(shown):
                own = None if weights is None else weights[kept]
                self._fitted(model, strength, inputs[kept], labels[kept], own)
                right[number] += (model.predict(inputs[out]) == labels[out]).sum()
                likely = model.predict_proba(inputs[out])[range(len(out)), labels[out]]
                likelihood[number] += np.log(np.maximum(likely, _LEAST)).sum()
            held += len(out)
            if held >= self._held_out:
                break
        return right / held, likelihood / held

    def _model(self) -> Regression:
        return Regression(warm_start=True, **self._options)  # each strength starts from the next stronger one's

    def _fitted(
        self,
        model: Regression,
        strength: float,
        inputs: NDArray[Any],
        labels: NDArray[Any],
        weights: NDArray[Any] | None,
    ) -> Regression:
        model.C = strength
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is a limit that is meant
            return model.fit(inputs, labels, sample_weight=weights)


@runtime_checkable
class Memorising(Protocol):
    """A head that keeps training samples."""

    k: int

    def memorise(self, features: Tensor, classes: Tensor, weights: Tensor | None) -> None:
        """Takes in features `(n, num_features)`, classes `(n,)` and what their votes count, `(n,)`."""

    def left_out_accuracy(self, k: int) -> float:
        """Returns the share of the samples that their k nearest others classify rightly, 0 … 1."""


class Memory(Solver):
    """Puts the training features into a head of nearest neighbours, and chooses k by leaving one out.

    Args:
        k: Numbers of neighbours to choose from.
    """

    def __init__(self, k: Sequence[int]) -> None:
        if not k or min(k) < 1:
            raise ConfigError(
                f"strategy.start.k={list(k)}: numbers of neighbours to choose from, at least one, from 1 on."
            )
        self._candidates = sorted(k)

    def check(self, head: nn.Module) -> None:
        """Says at once that a head has no memory."""
        if not isinstance(head, Memorising):
            raise ConfigError(
                f"strategy.start keeps training samples in the head, which {type(head).__name__} cannot: set"
                " task.head._target_=graft.tasks.NearestNeighbours, as strategy=knn does."
            )

    def solve(
        self, head: nn.Module, features: Tensor, targets: Tensor, weights: Tensor | None, seed: int
    ) -> dict[str, Any]:
        """Fills the memory, see `Solver`; of samples, weights multiply the votes."""
        self.check(head)
        assert isinstance(head, Memorising)
        head.memorise(features, targets, weights)
        possible = [k for k in self._candidates if k < len(features)] or [len(features) - 1]
        if len(possible) < len(self._candidates) or possible[-1] not in self._candidates:
            log.warning(
                "of strategy.start.k=%s, with %s: %s", self._candidates, many(len(features), "sample"), possible
            )
        shown = track(possible, description="neighbours, each sample left out in turn", transient=True)
        scores = np.array([head.left_out_accuracy(k) for k in shown])
        head.k = possible[int(scores.argmax())]
        return _report("k", head.k, possible, scores)


def _split(
    folds: StratifiedKFold, inputs: NDArray[Any], labels: NDArray[Any]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # meant, see above
        yield from folds.split(inputs, labels)


def _coordinates(inputs: NDArray[Any]) -> tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]:
    """Returns samples in the space that they span, `(n, min(n, features))`, and what brings weights back from there.

    Of fewer samples than features, that is a rotation of what matters: the penalty makes weights 0 in all directions in
    which no sample lies, so that the solution is the same and takes a fraction of the time.
    """
    if len(inputs) >= inputs.shape[1]:
        return inputs, lambda weights: weights
    basis, rest = np.linalg.qr(inputs.T)
    return rest.T, lambda weights: weights @ basis.T


def _linear(head: nn.Module) -> nn.Linear:
    layers = [module for module in head.modules() if isinstance(module, nn.Linear)]
    if len(layers) != 1 or any(
        not isinstance(module, nn.Sequential | nn.Dropout | nn.Linear) for module in head.modules()
    ):
        raise ConfigError("strategy.start solves for a linear head: set task.head.hidden=[].")
    return layers[0]


def _rows(model: Regression) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and bias of each class's logit; of two classes scikit-learn has the difference of their logits only."""
    coefficients, intercepts = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(coefficients) > 1:
        return coefficients, intercepts
    return np.concatenate([-coefficients, coefficients]) / 2, np.concatenate([-intercepts, intercepts]) / 2


def _report(name: str, chosen: float, candidates: Sequence[float], scores: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "setting": name,
        "chosen": chosen,
        "candidates": list(candidates),
        "held_out_accuracy": scores.tolist() if len(candidates) > 1 else [],
    }
