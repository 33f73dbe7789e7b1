"""`graft demo`: a page on this machine that shows what a run's model says, from its run folder alone."""

import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import torch
from omegaconf import DictConfig
from torch import Tensor

from graft.data.inputs import Inputs, read_inputs
from graft.data.samples import Samples, plain
from graft.data.sampling import Draw
from graft.data.table import Kind, Targets
from graft.errors import Interrupted
from graft.expected_warnings import ignore_expected_warnings
from graft.exporting.page import Shown, gradio, opened, page
from graft.predict import column_of, save, tabulated
from graft.restoring import restored_task, told_targets
from graft.runs.folder import RunFolder
from graft.runs.signals import signals
from graft.tasks import Supervised

_DIGITS = 4  # of a probability in the table
_LETTERS = 40  # of a text in it


class Predictor:
    """A run's model on the CPU, for inputs that come one after another.

    Args:
        run: The run.
        checkpoint: `best` | `last`.
        folder: For what is uploaded and for tables; it is the caller's to remove.
    """

    def __init__(self, run: RunFolder, checkpoint: str, folder: Path) -> None:
        description = run.load_data()
        self.targets: Targets = told_targets(description)
        self.samples_are = str(description["samples_are"])
        self._cfg, task = restored_task(run, checkpoint)
        self._task = cast("Supervised", task.float().eval().requires_grad_(False))
        self._folder = folder
        self._one_at_a_time = threading.Lock()  # Gradio has a thread for each visitor

    def one(self, given: str) -> dict[str, float]:
        """Returns a number by class, of an image file or of a text."""
        if self.samples_are == "texts":
            path = Path(tempfile.mkdtemp(dir=self._folder)) / "text.txt"
            path.write_text(given, encoding="utf-8")
            inputs = read_inputs(path.parent, self.samples_are, "text")
        else:
            inputs = read_inputs(Path(given), self.samples_are, "path")
        (values,) = self._predicted(inputs).tolist()
        return dict(zip(self.targets.classes, values, strict=True))

    def many(self, files: Sequence[str]) -> tuple[list[str], list[list[Any]], str]:
        """Returns columns, rows and a CSV file of predictions; bad files have a row that says what is wrong.

        The rows are to be looked at: texts have their beginnings there, and where nothing is wrong no column says so.
        """
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        path = Path(files[0]) if self.samples_are == "texts" and len(files) == 1 else _beside(files, folder / "given")
        inputs = read_inputs(path, self.samples_are, column_of(self._cfg, self._cfg.datamodule, self.samples_are))
        table = tabulated(inputs, self._predicted(inputs), self.targets)
        csv = folder / "predictions.csv"
        save(csv, iter([table]))
        columns = [(name.removeprefix("probability/"), _shown(table[name])) for name in table.column_names]
        if not inputs.bad:
            columns.pop()  # of what is wrong; the page may be narrow
        if self.samples_are == "texts":
            predictions = sum(name.startswith("prediction") for name in table.column_names)
            columns.insert(1 + predictions, ("text", _beginnings(inputs)))
        names, values = zip(*columns, strict=True)
        return list(names), [list(row) for row in zip(*values, strict=True)], str(csv)

    def _predicted(self, inputs: Inputs) -> Tensor:
        rows = torch.arange(len(inputs.table.ids)).numpy()
        preprocess = self._task.backbone.preprocess(train=False)
        samples: Samples = plain(inputs.table, rows, preprocess)
        size = int(self._cfg.datamodule.eval_batch_size)
        with self._one_at_a_time:
            batches = [
                samples.__getitems__([Draw(0, place) for place in range(start, min(start + size, len(rows)))])["inputs"]
                for start in range(0, len(rows), size)
            ]
            return torch.cat([self._task.said(batch) for batch in batches])


def demo(cfg: DictConfig) -> None:
    """Opens the page and keeps it open until Ctrl-C.

    Raises:
        GraftError: The folder is no run or lacks its checkpoint, the extra is missing, or the port is taken.
    """
    run = RunFolder.open(cfg.run)
    ignore_expected_warnings()
    with suppress(Interrupted), signals(), tempfile.TemporaryDirectory(prefix="graft_demo_") as folder:
        gradio(folder)
        predictor = Predictor(run, cfg.checkpoint, Path(folder))
        blocks = page(_shown_of(run, predictor, cfg.share))
        try:
            print(f"the page: {opened(blocks, cfg.port, cfg.share)}\nCtrl-C ends it", flush=True)
            threading.Event().wait()
        finally:
            blocks.close(verbose=False)


def _shown_of(run: RunFolder, predictor: Predictor, share: bool) -> Shown:
    settings = run.load_config()
    metric = str(settings.monitor).partition("/")[2]
    score = run.load_summary().get(f"test/{metric}") if run.summary.exists() else None
    scored = "" if score is None else f", {metric} {score:.3f} on the test split"
    kept = "The page has a public link." if share else "What you give it stays on this machine."
    return Shown(
        title=str(settings.name).replace("_", " "),  # so that a narrow page can break it
        about=f"Strategy {settings.strategy.name}, trained on {settings.datamodule.name}{scored}. {kept}",
        samples_are=predictor.samples_are,
        are_values=predictor.targets.kind is Kind.REGRESSION,
        one=predictor.one,
        many=predictor.many,
    )


def _beside(files: Sequence[str], folder: Path) -> Path:
    """Puts uploaded files into one folder; of two with the same name the second one is called otherwise."""
    folder.mkdir()
    for number, file in enumerate(map(Path, files)):
        name = file.name if not (folder / file.name).exists() else f"{file.stem}_{number}{file.suffix}"
        (folder / name).symlink_to(file.absolute())
    return folder


def _beginnings(inputs: Inputs) -> list[str | None]:
    """How each text begins; None: it cannot be read."""
    bad = {each.id for each in inputs.bad}
    rows = iter(range(len(inputs.table.ids)))
    texts = [None if name in bad else " ".join(inputs.table.load(next(rows)).split()) for name in inputs.ids]
    return [text if text is None or len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…" for text in texts]


def _shown(column: pa.ChunkedArray) -> list[Any]:
    values = column.to_pylist()
    return [round(value, _DIGITS) if isinstance(value, float) else value for value in values]
