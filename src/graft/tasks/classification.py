"""Classification: one of several classes for each sample."""

from torch import Tensor

from graft.data.table import Kind
from graft.tasks.supervised import Supervised

_LEAST = 1e-12  # a probability whose logarithm is still a number


class Classification(Supervised):
    """Cross-entropy, or any loss of the same form, over one logit per class.

    The loss takes logits `(batch, classes)` and targets `(batch,)`, or shares of the classes `(batch, classes)` where
    samples are mixed; metrics take probabilities `(batch, classes)` and targets `(batch,)`. See `Supervised`.
    """

    kind = Kind.SINGLE_LABEL

    def predict(self, outputs: Tensor) -> Tensor:
        """Returns probabilities `(batch, classes)`, which add up to 1."""
        return outputs.softmax(dim=1)

    def outputs_for(self, predictions: Tensor) -> Tensor:
        """Returns logits."""
        return predictions.clamp_min(_LEAST).log()
