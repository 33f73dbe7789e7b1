"""The part of a network above a stage, run without what lies below it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from graft.backbones.stages import Stage

_TOLERANCE = 1e-5  # of the largest feature: far above rounding, far below a part that is missing


class NotCut(Exception):  # noqa: N818 (the network runs whole instead)
    """The part above a stage needs more than what the stage hands on."""


class Upper:
    """Runs a network from a stage's activation on.

    No network of a library says where it could be entered. So all of it is called, but the modules below give back at
    once a stand-in of the shape that they would give, and at the door of the next stage the activation takes the
    stand-in's place. What this makes of an example is compared with what the whole network makes of it: where more
    than the one activation goes up, the two differ.

    Args:
        network: In eval mode; takes one argument.
        stages: From input to output.
        number: Of the stage whose activation is given; not the last.
        example: A batch of inputs.

    Attributes:
        activation: What the stage makes of the example.

    Raises:
        NotCut: The two differ, or the network cannot be run so.
    """

    activation: Tensor

    def __init__(self, network: nn.Module, stages: Sequence[Stage], number: int, example: Any) -> None:
        self._network = network
        self._door = stages[number + 1].modules[0]
        self._below = outermost([module for stage in stages[: number + 1] for module in stage.modules])
        self._outputs: list[list[Any]] = [[] for _ in self._below]  # of each call
        with torch.no_grad():
            wanted = self._watched(example)
            try:
                got = self(self.activation, example)
            except Exception as error:
                raise NotCut(f"behind {stages[number].name}: {error}") from error
        if got.shape != wanted.shape or (got - wanted).abs().max() > _TOLERANCE * wanted.abs().max():
            raise NotCut(f"behind {stages[number].name}: other features come out")

    def __call__(self, activation: Tensor, inputs: Any = None) -> Tensor:
        """Returns the features `(batch, num_features)` of an activation `(batch, …)`.

        Args:
            activation: Of the stage.
            inputs: Where they are more than one tensor: masks are made of them. Else what counts is their number only.
        """
        if not isinstance(inputs, dict):
            inputs = activation.new_zeros(self._nothing).expand(len(activation), *self._nothing[1:])
        with self._entered(activation):
            features: Tensor = self._network(inputs)
        return features

    def _watched(self, example: Any) -> Tensor:
        """Runs the whole network and notes what the modules below give back, and the activation."""
        inside = True
        self._nothing = (1, example.shape[1], *(1 for _ in example.shape[2:])) if isinstance(example, Tensor) else (1,)

        def noting(outputs: list[Any]) -> Callable[..., None]:
            return lambda module, given, output: outputs.append(output) if inside else None

        def arrive(_: nn.Module, arguments: tuple[Any, ...]) -> None:
            nonlocal inside
            inside, self.activation = False, arguments[0]

        noted = zip(self._below, self._outputs, strict=True)
        hooks = [module.register_forward_hook(noting(outputs)) for module, outputs in noted]
        hooks.append(self._door.register_forward_pre_hook(arrive))
        try:
            features: Tensor = self._network(example)
        finally:
            for hook in hooks:
                hook.remove()
        if inside:
            raise NotCut("the stage above is never reached")
        shape = self.activation.shape[1:]
        self._outputs = [[_shapes(output, shape) for output in outputs] for outputs in self._outputs]
        return features

    @contextmanager
    def _entered(self, activation: Tensor) -> Iterator[None]:
        """Has the modules below stand in for themselves until the door is reached."""
        inside = True

        def arrive(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
            nonlocal inside
            inside = False
            return (activation, *arguments[1:])

        def standing_in(own: Callable[..., Any], outputs: list[Any]) -> Callable[..., Any]:
            left = iter(outputs)
            return lambda *given, **named: _filled(next(left), activation) if inside else own(*given, **named)

        hook = self._door.register_forward_pre_hook(arrive)
        for module, outputs in zip(self._below, self._outputs, strict=True):
            module.forward = standing_in(module.forward, outputs)  # taken away below
        try:
            yield
        finally:
            hook.remove()
            for module in self._below:
                del module.forward


class _Shape(tuple[int, ...]):
    """Of a stand-in, without the batch; None in its place: the activation's own."""


def _shapes(output: Any, of_activation: torch.Size) -> Any:
    return tree_map_only(
        Tensor, lambda tensor: None if tensor.shape[1:] == of_activation else _Shape(tensor.shape[1:]), output
    )


def _filled(shapes: Any, activation: Tensor) -> Any:
    if shapes is None:
        return activation
    if isinstance(shapes, _Shape):
        return activation.new_zeros(()).expand(len(activation), *shapes)
    if isinstance(shapes, tuple | list):
        return type(shapes)(_filled(shape, activation) for shape in shapes)
    return shapes


def outermost(modules: Sequence[nn.Module]) -> list[nn.Module]:
    """Returns those that are in no other of them."""
    inner = {id(module) for outer in modules for module in outer.modules() if module is not outer}
    return [module for module in modules if id(module) not in inner]
