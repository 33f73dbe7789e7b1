"""`graft explain`: what a run's model looked at, from its run folder alone."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from torch import Tensor

from graft.build import build_trainer
from graft.data.inputs import read_inputs
from graft.data.table import Kind, Table, Targets
from graft.errors import ConfigError, did_you_mean
from graft.expected_warnings import ignore_expected_warnings
from graft.explaining.asking import captum, undisturbed
from graft.explaining.explanation import ExplainedImage, ExplainedText, Said, explained_text
from graft.explaining.heat import GradCam
from graft.explaining.page import MOST_IMAGES, page
from graft.explaining.pictures import beside, overlaid, plain
from graft.explaining.terminal import in_colours
from graft.explaining.wording import aside, told
from graft.explaining.words import IntegratedGradients
from graft.exporting.checking import said_by
from graft.predict import column_of, path_of, warn_of_bad
from graft.restoring import restored_task, told_targets
from graft.runs.atomic import appearing, write_text
from graft.runs.folder import RunFolder
from graft.runs.log import logging_to
from graft.runs.signals import signals
from graft.tasks import Supervised

log = logging.getLogger(__name__)
Sample = TypeVar("Sample")

_BATCH = 16  # images at a time: gradients take more memory than predictions
_SHOWN = 10  # texts in the terminal


def explain(cfg: DictConfig) -> Path:
    """Explains all inputs, and writes pictures of images, and a page of images or of texts.

    Returns:
        The folder: `explanations.html`, and of images a picture each.

    Raises:
        GraftError: The folder is no run, the extra is missing, there is nothing to explain, no such target, the output
            exists, or the network has nothing to explain it by.
    """
    run = RunFolder.open(cfg.run)
    output, path = _output(cfg, run), path_of(cfg.inputs)
    captum()
    with signals(), logging_to(run.log):
        ignore_expected_warnings()
        description = run.load_data()
        samples_are, targets = description["samples_are"], told_targets(description)
        target = chosen(cfg.target, targets)
        inputs = read_inputs(path, samples_are, column_of(cfg, run.load_config().datamodule, samples_are))
        warn_of_bad(inputs, str(cfg.inputs))
        task = _task(run, cfg.checkpoint)
        with appearing(output) as folder, undisturbed(task):
            write = _write_images if samples_are == "images" else _write_texts
            write(task, inputs.table, target, folder, str(run.load_config().name))
        log.info("%d of %d inputs explained", len(inputs.table.ids), len(inputs.ids))
        print(f"explanations: {output / 'explanations.html'}")
    return output


def chosen(name: str | None, targets: Targets) -> int | None:
    """Returns the place of an output among all; None: that of the likeliest one of each sample.

    Raises:
        ConfigError: There is none of this name, or one of several values has to be named.
    """
    word = {Kind.SINGLE_LABEL: "classes", Kind.MULTI_LABEL: "labels", Kind.REGRESSION: "values"}[targets.kind]
    if name is None and targets.kind is Kind.REGRESSION:
        if len(targets.classes) > 1:
            raise ConfigError(f"target: say which of the values is to be explained: {', '.join(targets.classes)}.")
        return 0
    if name is not None and name not in targets.classes:
        raise ConfigError(
            f"target={name} is none of the {word} of the run.{did_you_mean(name, targets.classes)}"
            f" They are: {', '.join(targets.classes)}."
        )
    return None if name is None else targets.classes.index(name)


def explained_images(task: Supervised, table: Table, target: int | None) -> Iterator[tuple[ExplainedImage, GradCam]]:
    """Yields each image with its heat map.

    Args:
        task: In eval mode.
        table: Of the images.
        target: What to explain, see `chosen`.
    """
    method: GradCam | None = None
    for start in range(0, len(table.ids), _BATCH):
        rows = range(start, min(start + _BATCH, len(table.ids)))
        inputs, seen = _prepared(task.backbone.preprocess(train=False), [table.load(row) for row in rows])
        inputs = inputs.to(task.device)
        predicted = said_by(task, inputs).cpu()
        explained = predicted.argmax(dim=1) if target is None else torch.full((len(rows),), target)
        method = method or GradCam(task, inputs, explained.to(task.device))
        for row, values, place, image, heat in zip(
            rows, predicted, explained.tolist(), seen, method(inputs, explained.to(task.device)), strict=True
        ):
            said = _said(task, table.ids[row], values, place)
            picture = plain(image)
            yield ExplainedImage(said, picture, overlaid(picture, heat), nothing=not bool(heat.any())), method


def explained_texts(task: Supervised, table: Table, target: int | None) -> Iterator[ExplainedText]:
    """Yields each text with the attributions of its tokens; see `explained_images`."""
    method, preprocess = IntegratedGradients(task), cast("Any", task.backbone.preprocess(train=False))
    for row, name in enumerate(table.ids):
        text = table.load(row)
        batch = {key: value.to(task.device) for key, value in preprocess.collate([preprocess(text)]).items()}
        (values,) = said_by(task, batch).cpu()
        place = int(values.argmax()) if target is None else target
        yield explained_text(_said(task, name, values, place), text, method(text, place))


def _write_images(task: Supervised, table: Table, target: int | None, folder: Path, name: str) -> None:
    shown: list[ExplainedImage] = []
    about = ""
    for number, (image, method) in enumerate(_tracked(explained_images(task, table, target), len(table.ids))):
        lines = [line for line in (told(image.said), aside(image.said), image.said.id) if line]
        stem = re.sub(r"[^\w.-]", "_", Path(image.said.id).stem)
        beside(image.plain, image.overlaid, lines).save(folder / f"{number + 1:04d}_{stem}.png")
        shown += [image] if number < MOST_IMAGES else []
        layout = method.place.layout
        about = f"From the grid of {layout.rows} × {layout.columns} places behind stage {method.place.stage}."
    write_text(folder / "explanations.html", page(name, about, shown, len(table.ids)))


def _write_texts(task: Supervised, table: Table, target: int | None, folder: Path, name: str) -> None:
    texts = list(_tracked(explained_texts(task, table, target), len(table.ids)))
    for text in texts[:_SHOWN]:
        Console().print(in_colours(text))
    about = f"{len(texts)} texts." if len(texts) != 1 else "One text."
    write_text(folder / "explanations.html", page(name, about, texts, len(texts)))


def _tracked(samples: Iterator[Sample], count: int) -> Iterator[Sample]:
    yield from track(samples, "Explaining", total=count, console=Console(stderr=True), transient=True)


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


def _task(run: RunFolder, checkpoint: str) -> Supervised:
    """The task on the device of its training, where there is one here, in float32: gradients want all digits."""
    cfg, task = restored_task(run, checkpoint)
    device = build_trainer(cfg, callbacks=[], loggers=[]).strategy.root_device
    return cast("Supervised", task.float().to(device))


def _output(cfg: DictConfig, run: RunFolder) -> Path:
    if cfg.output is None:
        return run.path / "explanations" / f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S-%f}"
    output = Path(cfg.output).expanduser().absolute()
    if output.exists():
        raise ConfigError(f"output={cfg.output} exists already: choose another name.")
    return output
