"""The contract that every backbone keeps, whatever its family and whatever its input."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from graft.backbones.evaluating import evaluating
from graft.backbones.stages import Stage
from graft.backbones.upper import Upper
from graft.errors import GraftError, did_you_mean


class _Reached(Exception):  # noqa: N818 (control flow, not an error)
    def __init__(self, activation: Tensor) -> None:
        self.activation = activation


class Backbone(nn.Module, ABC):
    """A pretrained network without its head.

    Attributes:
        num_features: Width of the features.
        stages: From input to output; together they hold every parameter exactly once.
        takes: The class of the samples, `Tensor` (an image) or `str`, by which data of others are refused before they
            are read; `None`: told by `preprocess`, when they are.
    """

    num_features: int
    stages: tuple[Stage, ...]
    takes: ClassVar[type | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._uppers: dict[str, Upper] = {}

    @abstractmethod
    def forward(self, inputs: Any) -> Tensor:
        """Returns the features, shape `(batch, num_features)`."""

    @abstractmethod
    def preprocess(self, train: bool) -> Callable[[Any], Any]:
        """Returns what turns one sample in its canonical form into one input, as when the weights were trained.

        An image's canonical form is uint8 `(3, height, width)`, RGB; a text's a `str`. The callable is picklable and
        without randomness, which is augmentation's business; `train` is for families that cut what they are trained on
        otherwise. It may have `takes`, the class of the samples (`Tensor` or `str`), by which a set of others is
        refused; a method `collate` that makes a batch of a list of inputs, else they are stacked; `identity`, a text
        that is another one for all that makes other inputs of the same samples, by which kept features are told apart
        (without it, its pickled form counts); a method `prepare` that takes what loads the sample of a row and the
        number of rows, does for all rows once what else is done for each sample in each epoch, and returns what gives
        the input of a row, with the `lengths` of all samples before any was cut; and, both or neither, `pixels` and
        `normalise`, which do the same one after the other: the first makes uint8 of a sample, of one shape for all, and
        may have an `identity`, by which kept pixels are told apart; the second makes inputs of a batch of these, on the
        device where they are.
        """

    def architecture(self) -> str:
        """Returns a text that is another one for any other computation with the same weights."""
        return repr(self)

    def undecayed(self) -> frozenset[str]:
        """Returns the names of parameters, beside norms and biases, that the network's authors exempt from decay."""
        return frozenset()

    def source_head(self) -> nn.Module:
        """Returns the head that the weights were pretrained with, `(batch, num_features)` to `(batch, classes)`.

        Raises:
            GraftError: There is none with these weights.
        """
        raise GraftError(f"The weights of {type(self).__name__} come without the head that they were pretrained with.")

    def rebuilding(self) -> dict[str, Any]:
        """Returns plain values by which its library makes the network anew without Graft; `library` names it.

        Raises:
            GraftError: Nothing but its own code can.
        """
        raise GraftError(f"Nothing but Graft can make a {type(self).__name__} anew.")

    def forward_to(self, stage: str, inputs: Any) -> Tensor:
        """Returns the activation behind a stage, as the next stage takes it in; behind the last, the features.

        The stages above do not run.

        Raises:
            GraftError: There is no such stage.
        """
        names = [known.name for known in self.stages]
        if stage not in names:
            raise GraftError(f"No stage '{stage}'.{did_you_mean(stage, names)} The stages are: {', '.join(names)}.")
        above = self.stages[names.index(stage) + 1 :]
        if not above:
            features: Tensor = self(inputs)
            return features

        def stop(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            raise _Reached(arguments[0])

        hook = above[0].modules[0].register_forward_pre_hook(stop)
        try:
            self(inputs)
        except _Reached as reached:
            return reached.activation
        finally:
            hook.remove()
        raise RuntimeError(f"The input of the stage above '{stage}' was never reached.")

    def is_alike_in_any_batch(self, example: Any) -> bool:
        """Returns whether the features of a sample are the same, but for rounding, whatever is in its batch beside it.

        What is not so is computed in each epoch: another batch would have other features.

        Args:
            example: A batch of inputs.
        """
        return True

    def enter(self, stage: str, example: Any) -> Tensor:
        """Makes `forward_from` possible behind a stage, other than the last, and returns what it makes of the example.

        Args:
            stage: Its name.
            example: A batch of inputs.

        Raises:
            NotCut: The stages above need more than its activation.
        """
        names = [known.name for known in self.stages]
        with evaluating(self):
            upper = Upper(self, self.stages, names.index(stage), example)
        self._uppers[stage] = upper
        return upper.activation

    def forward_from(self, stage: str, activation: Tensor, inputs: Any = None) -> Tensor:
        """Returns the features, `(batch, num_features)`, of what `forward_to` returns; the stages below do not run.

        Args:
            stage: One that was made ready by `enter`.
            activation: Shape `(batch, …)`.
            inputs: What it was made of, where that is a dictionary: masks come from it.
        """
        return self._uppers[stage](activation, inputs)
