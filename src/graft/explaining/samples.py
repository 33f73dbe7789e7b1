"""Samples, each with what the model says of it and what explains that."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from graft.data.table import Kind
from graft.explaining.explanation import ExplainedImage, ExplainedText, Said, explained_text
from graft.explaining.heat import GradCam
from graft.explaining.pictures import overlaid, plain
from graft.explaining.words import IntegratedGradients
from graft.tasks import Supervised

_BATCH = 16  # images at a time: gradients take more memory than predictions


class Asked(Protocol):
    """Samples to explain; a `Table` is one.

    Attributes:
        ids: Their names.
        load: Takes a place among them and returns the canonical sample.
    """

    @property
    def ids(self) -> Sequence[str]:
        """Names."""

    @property
    def load(self) -> Callable[[int], Any]:
        """What loads them."""


def explained_images(task: Supervised, asked: Asked, target: int | None) -> Iterator[tuple[ExplainedImage, GradCam]]:
    """Yields each image with its heat map.

    Args:
        task: In eval mode.
        asked: The images.
        target: Place of the output to explain; None: the likeliest of each sample.
    """
    method: GradCam | None = None
    for start in range(0, len(asked.ids), _BATCH):
        rows = range(start, min(start + _BATCH, len(asked.ids)))
        inputs, seen = _prepared(task.backbone.preprocess(train=False), [asked.load(row) for row in rows])
        inputs = inputs.to(task.device)
        predicted = task.said(inputs).cpu()
        explained = predicted.argmax(dim=1) if target is None else torch.full((len(rows),), target)
        method = method or GradCam(task, inputs, explained.to(task.device))
        for row, values, place, image, heat in zip(
            rows, predicted, explained.tolist(), seen, method(inputs, explained.to(task.device)), strict=True
        ):
            said = _said(task, asked.ids[row], values, place)
            picture = plain(image)
            yield ExplainedImage(said, picture, overlaid(picture, heat), nothing=not bool(heat.any())), method


def explained_texts(task: Supervised, asked: Asked, target: int | None) -> Iterator[ExplainedText]:
    """Yields each text with the attributions of its tokens; see `explained_images`."""
    method, preprocess = IntegratedGradients(task), cast("Any", task.backbone.preprocess(train=False))
    for row, name in enumerate(asked.ids):
        text = asked.load(row)
        batch = {key: value.to(task.device) for key, value in preprocess.collate([preprocess(text)]).items()}
        (values,) = task.said(batch).cpu()
        place = int(values.argmax()) if target is None else target
        yield explained_text(_said(task, name, values, place), text, method(text, place))


def _prepared(preprocess: Any, images: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns inputs, and in bytes what the network sees of each image."""
    if (pixels := getattr(preprocess, "pixels", None)) is not None:
        seen = torch.stack([pixels(image) for image in images])
        return preprocess.normalise(seen), seen
    inputs = torch.stack([preprocess(image) for image in images])
    low, high = inputs.amin(dim=(1, 2, 3), keepdim=True), inputs.amax(dim=(1, 2, 3), keepdim=True)
    return inputs, (255 * (inputs - low) / (high - low).clamp_min(1e-6)).to(torch.uint8)


def _said(task: Supervised, name: str, values: Tensor, place: int) -> Said:
    likeliest = int(values.argmax())
    is_value = task.kind is Kind.REGRESSION
    other = None if is_value or likeliest == place else (task.classes[likeliest], float(values[likeliest]))
    return Said(name, task.classes[place], float(values[place]), is_value, other)
