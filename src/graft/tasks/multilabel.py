"""Multi-label classification: any number of labels for each sample."""

from torch import Tensor

from graft.data.table import Kind
from graft.tasks.base import Batch
from graft.tasks.supervised import Supervised

_LEAST = 1e-6  # in float32, one minus it is not yet one


class MultiLabel(Supervised):
    """Binary cross-entropy, or any loss of the same form, over one logit per label.

    The loss takes logits and targets of 0 and 1, both `(batch, labels)`; the metrics take probabilities and targets of
    the same shape. See `Supervised`.
    """

    kind = Kind.MULTI_LABEL

    def predict(self, outputs: Tensor) -> Tensor:
        """Returns probabilities `(batch, labels)`, each on its own."""
        return outputs.sigmoid()

    def outputs_for(self, predictions: Tensor) -> Tensor:
        """Returns logits."""
        return predictions.logit(eps=_LEAST)

    def hard(self, targets: Tensor) -> Tensor:
        """Returns 1 for the labels that at least half of the mixture has."""
        return (targets >= 0.5).long()

    def losses(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the mean over the labels of each sample, `(batch,)`."""
        return super().losses(outputs, {**batch, "target": batch["target"].to(outputs.dtype)})
