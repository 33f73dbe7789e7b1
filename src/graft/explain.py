"""`graft explain`: what a run's model looked at, from its run folder alone."""

import logging
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from torch import Tensor

from graft.backbones.evaluating import evaluating
from graft.build import build_trainer
from graft.data.inputs import read_inputs
from graft.data.table import Kind, Table, Targets
from graft.errors import ConfigError, did_you_mean, many
from graft.expected_warnings import ignore_expected_warnings
from graft.explaining.asking import captum
from graft.explaining.explanation import ExplainedImage, ExplainedText
from graft.explaining.page import MOST_IMAGES, page
from graft.explaining.pictures import beside
from graft.explaining.samples import Asked, explained_images, explained_texts
from graft.explaining.terminal import in_colours
from graft.explaining.wording import aside, told
from graft.predict import column_of, path_of, predictions_of, warn_of_bad
from graft.restoring import restored_task, told_targets
from graft.runs.atomic import appearing, write_text
from graft.runs.folder import RunFolder
from graft.runs.log import logging_to
from graft.runs.signals import signals
from graft.tasks import Supervised
from graft.worst_explained import keep_explanations, worst_errors

log = logging.getLogger(__name__)
Sample = TypeVar("Sample")

_BATCH = 64  # samples that are predicted at a time
_SHOWN = 10  # texts in the terminal


def explain(cfg: DictConfig) -> Path:
    """Explains all inputs, and writes pictures of images, and a page of images or of texts.

    Without inputs, the worst errors of the run, which are then explained in its report too.

    Returns:
        The folder: `explanations.html`, and of images a picture each.

    Raises:
        GraftError: The folder is no run, the extra is missing, there is nothing to explain, no such target, the output
            exists, or the network has nothing to explain it by.
    """
    run = RunFolder.open(cfg.run)
    output, path = _output(cfg, run), None if cfg.inputs is None else path_of(cfg.inputs)
    captum()
    with signals(), logging_to(run.log):
        ignore_expected_warnings()
        description = run.load_data()
        samples_are, targets = description["samples_are"], told_targets(description)
        target = chosen(cfg.target, targets)
        trained, restored = restored_task(run, cfg.checkpoint)
        task, trainer = cast("Supervised", restored), build_trainer(trained, callbacks=[], loggers=[])
        if path is None:
            _check_errors(cfg)
            asked = worst_errors(run, target, cfg.data)
        else:
            inputs = read_inputs(path, samples_are, column_of(cfg, trained.datamodule, samples_are))
            warn_of_bad(inputs, str(cfg.inputs))
            asked = _asked(inputs.table, predictions_of(inputs.table, trainer, task, _BATCH), target)
            log.info("explaining %d of %s", len(inputs.table.ids), many(len(inputs.ids), "input"))
        task = task.float().to(trainer.strategy.root_device)  # gradients want all digits
        with appearing(output) as folder, evaluating(task):
            write = _write_images if samples_are == "images" else _write_texts
            samples = write(task, asked, folder, str(trained.name))
        print(f"explanations: {output / 'explanations.html'}")
        if path is None:
            keep_explanations(run, samples)
            print(f"report: {run.report}")
    return output


def _asked(table: Table, predicted: Tensor, target: int | None) -> Asked:
    places = predicted.argmax(dim=1).tolist() if target is None else [target] * len(predicted)
    return Asked(table.ids, table.load, predicted, places)


def _check_errors(cfg: DictConfig) -> None:
    if cfg.checkpoint != "best":
        raise ConfigError(f"checkpoint={cfg.checkpoint}: the errors of a run are those of its best; say inputs=….")


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


def _write_images(task: Supervised, asked: Asked, folder: Path, name: str) -> Sequence[ExplainedImage]:
    shown: list[ExplainedImage] = []
    about = ""
    for number, (image, method) in enumerate(_tracked(explained_images(task, asked), len(asked.ids))):
        lines = [line for line in (told(image.said), aside(image.said), image.said.id) if line]
        stem = re.sub(r"[^\w.-]", "_", Path(image.said.id).stem)
        beside(image.plain, image.overlaid, lines).save(folder / f"{number + 1:04d}_{stem}.png")
        shown += [image] if number < MOST_IMAGES else []
        layout = method.place.layout
        about = f"From the grid of {layout.rows} × {layout.columns} places behind stage {method.place.stage}."
    write_text(folder / "explanations.html", page(name, about, shown, len(asked.ids)))
    return shown


def _write_texts(task: Supervised, asked: Asked, folder: Path, name: str) -> Sequence[ExplainedText]:
    texts = list(_tracked(explained_texts(task, asked), len(asked.ids)))
    for text in texts[:_SHOWN]:
        Console().print(in_colours(text))
    about = f"{many(len(texts), 'text')}."
    write_text(folder / "explanations.html", page(name, about, texts, len(texts)))
    return texts


def _tracked(samples: Iterator[Sample], count: int) -> Iterator[Sample]:
    yield from track(samples, "Explaining", total=count, console=Console(stderr=True), transient=True)


def _output(cfg: DictConfig, run: RunFolder) -> Path:
    if cfg.output is None:
        return run.path / "explanations" / f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S-%f}"
    output = Path(cfg.output).expanduser().absolute()
    if output.exists():
        raise ConfigError(f"output={cfg.output} exists already: choose another name.")
    return output
