"""Samples, each with what the model says of it and what explains that."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graft.data.table import Kind
from graft.explaining.explanation import ExplainedImage, ExplainedText, Said, explained_text
from graft.explaining.heat import GradCam
from graft.explaining.pictures import overlaid, plain
from graft.explaining.words import IntegratedGradients
from graft.tasks import Supervised

_BATCH = 16  # images at a time: gradients take more memory than predictions


@dataclass(frozen=True)
class Asked:
    """Samples to explain.

    Attributes:
        ids: Their names.
        load: Takes a place among them and returns the canonical sample.
        predicted: What the model says of them, `(n, outputs)`.
        places: Which of its outputs is to be explained of each, `(n,)`.
    """

    ids: Sequence[str]
    load: Callable[[int], Any]
    predicted: Tensor
    places: Sequence[int]


def explained_images(task: Supervised, asked: Asked) -> Iterator[tuple[ExplainedImage, GradCam]]:
    """Yields each image with its heat map; the task is in eval mode."""
    method: GradCam | None = None
    for start in range(0, len(asked.ids), _BATCH):
        rows = range(start, min(start + _BATCH, len(asked.ids)))
        inputs, seen = _prepared(task.backbone.preprocess(train=False), [asked.load(row) for row in rows])
        inputs, places = inputs.to(task.device), torch.tensor([asked.places[row] for row in rows], device=task.device)
        method = method or GradCam(task, inputs, places)
        for row, image, heat in zip(rows, seen, method(inputs, places), strict=True):
            picture = plain(image)
            overlay = overlaid(picture, heat)
            yield ExplainedImage(_said(task, asked, row), picture, overlay, nothing=not bool(heat.any())), method


def explained_texts(task: Supervised, asked: Asked) -> Iterator[ExplainedText]:
    """Yields each text with the attributions of its tokens; the task is in eval mode."""
    method = IntegratedGradients(task)
    for row in range(len(asked.ids)):
        text = asked.load(row)
        yield explained_text(_said(task, asked, row), text, method(text, asked.places[row]))


def _prepared(preprocess: Any, images: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns inputs, and in bytes what the network sees of each image."""
    if (pixels := getattr(preprocess, "pixels", None)) is not None:
        seen = torch.stack([pixels(image) for image in images])
        return preprocess.normalise(seen), seen
    inputs = torch.stack([preprocess(image) for image in images])
    low, high = inputs.amin(dim=(1, 2, 3), keepdim=True), inputs.amax(dim=(1, 2, 3), keepdim=True)
    return inputs, (255 * (inputs - low) / (high - low).clamp_min(1e-6)).to(torch.uint8)


def _said(task: Supervised, asked: Asked, row: int) -> Said:
    values, place = asked.predicted[row], asked.places[row]
    likeliest = int(values.argmax())
    is_value = task.kind is Kind.REGRESSION
    other = None if is_value or likeliest == place else (task.classes[likeliest], float(values[likeliest]))
    return Said(asked.ids[row], task.classes[place], float(values[place]), is_value, other)
