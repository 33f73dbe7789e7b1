"""What a run folder holds, read for people to look at; whatever a run has not come to is absent."""

import csv
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from graft.data.splits import SPLITS
from graft.data.table import Kind
from graft.runs.folder import RunFolder
from graft.runs.status import Status, read_status

Floats = NDArray[np.float64]

_QUALITY = 80  # of a picture that the page holds


@dataclass(frozen=True)
class Predicted:
    """One split as the best checkpoint sees it.

    Attributes:
        target: by kind: (n,) int64, an index into the classes; (n, labels) of 0 and 1; (n, values).
        values: (n, classes, labels or values), probabilities or values.
    """

    target: NDArray[Any]
    values: Floats


@dataclass(frozen=True)
class Error:
    """A sample that the model is wrong about.

    Attributes:
        id: of the sample.
        text: the sample itself, or None.
        image: likewise, a JPEG file, or None.
        said: column of `predictions.parquet` and what stands there.
        explained: name of the output that `graft explain` has explained; None: it has not.
        map: where the network looked, a JPEG file, or None.
        pieces: stretches of the text and what they do to that output, see `graft.explaining.explanation.Piece`.
        cut: the rest of the text, which the network did not see.
    """

    id: str
    text: str | None
    image: bytes | None
    said: dict[str, Any]
    explained: str | None = None
    map: bytes | None = None
    pieces: list[dict[str, Any]] = field(default_factory=list)
    cut: str = ""


@dataclass(frozen=True)
class Contents:
    """A run folder as plain values.

    Attributes:
        path: of the folder.
        name: of the run.
        status: of the run.
        config: text of `config.yaml`.
        monitor: the metric that chose the best checkpoint.
        mode: whether its `max` or its `min` did.
        summary: by name.
        history: by metric, optimizer steps and values, each (n,).
        sessions: of `environment.json`.
        kind: of the targets.
        classes: names of the classes, labels or values.
        data: what `data.json` says.
        stages: rows of `stages.json`.
        start: what `start.json` says, of a head that was solved for.
        stage_choice: what `stage_choice.json` says, of stages that were tried.
        interpolation: what `interpolation.json` says, of means of weights.
        forgetting: what `forgetting.json` says; empty where nobody has asked.
        predictions: by split.
        scores: what `scores.json` says.
        errors: worst first.
        augmentation: a JPEG file, or None.
        found: what `find.json` says, of values that were found before the training.
    """

    path: Path
    name: str
    status: Status
    config: str
    monitor: str
    mode: str
    summary: dict[str, Any]
    history: dict[str, tuple[Floats, Floats]]
    sessions: list[dict[str, Any]]
    kind: Kind
    classes: list[str]
    data: dict[str, Any]
    stages: list[dict[str, Any]]
    start: dict[str, Any]
    stage_choice: dict[str, float]
    interpolation: dict[str, Any]
    forgetting: dict[str, Any]
    predictions: dict[str, Predicted]
    scores: dict[str, Any]
    errors: list[Error] = field(default_factory=list)
    augmentation: bytes | None = None
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def monitored(self) -> str:
        """The monitored metric, without its split."""
        return self.monitor.split("/", 1)[1]

    @property
    def split(self) -> str:
        """The split that is looked at closely: test, where the run has come to it."""
        return next((split for split in reversed(SPLITS) if split in self.predictions), "val")


def read_contents(run: RunFolder) -> Contents:
    """Reads all that is there.

    Raises:
        GraftError: A file is damaged.
    """
    config = run.load_config()
    data = run.load_data() if run.data.exists() else {}
    kind, classes = Kind(data.get("kind", Kind.SINGLE_LABEL)), list(data.get("classes", []))
    table = pq.read_table(run.predictions) if run.predictions.exists() else None
    return Contents(
        path=run.path,
        name=str(config.name),
        status=read_status(run.status),
        config=run.config.read_text(encoding="utf-8"),
        monitor=str(config.monitor),
        mode=str(config.mode),
        summary=run.load_summary() if run.summary.exists() else {},
        history=_history(run.metrics),
        sessions=_json(run.environment, {"sessions": []})["sessions"],
        kind=kind,
        classes=classes,
        data=data,
        stages=_json(run.stages, []),
        start=_json(run.start, {}),
        stage_choice=_json(run.stage_choice, {}),
        interpolation=_json(run.interpolation, {}),
        forgetting=_json(run.forgetting, {}),
        predictions={} if table is None else _predictions(table, kind, classes),
        scores=_json(run.scores, {"intervals": {}, "facets": {}}),
        errors=[] if table is None else _errors(run.errors, table),
        augmentation=_as_jpeg(run.augmentation) if run.augmentation.exists() else None,
        found=_json(run.found, {}),
    )


def _as_jpeg(picture: Path) -> bytes:
    """A tenth of the size of a PNG where images are noisy; the picture in the run folder stays as it is."""
    buffer = io.BytesIO()
    Image.open(picture).convert("RGB").save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _json(path: Path, absent: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else absent


def _history(path: Path) -> dict[str, tuple[Floats, Floats]]:
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name, cell in row.items():
                    if name not in ("epoch", "step") and cell:
                        points[name].append((float(row["step"]), float(cell)))
    return {name: (np.array(series)[:, 0], np.array(series)[:, 1]) for name, series in points.items()}


def _predictions(table: pa.Table, kind: Kind, classes: list[str]) -> dict[str, Predicted]:
    prefix = "prediction" if kind is Kind.REGRESSION else "probability"
    values = _columns(table, prefix, classes)
    target: NDArray[Any]
    if kind is Kind.SINGLE_LABEL:
        place = {name: number for number, name in enumerate(classes)}
        target = np.array([place[name] for name in table["target"].to_pylist()], dtype=np.int64)
    else:
        target = _columns(table, "target", classes)
    split = np.array(table["split"].to_pylist())
    return {name: Predicted(target[split == name], values[split == name]) for name in np.unique(split).tolist()}


def _columns(table: pa.Table, prefix: str, names: list[str]) -> Floats:
    columns = [table[f"{prefix}/{name}"].to_numpy().astype(np.float64) for name in names]
    return np.stack(columns, axis=1)


def _errors(path: Path, table: pa.Table) -> list[Error]:
    if not path.exists():
        return []
    place = {name: row for row, name in enumerate(table["id"].to_pylist())}
    return [
        Error(
            **{**worst, "pieces": json.loads(worst.get("pieces") or "[]")},
            said=table.slice(place[worst["id"]], 1).to_pylist()[0],
        )
        for worst in pq.read_table(path).to_pylist()
    ]
