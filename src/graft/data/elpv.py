"""Solar cells under electroluminescence, from the PyPI package elpv-dataset.

Deitsch et al., "Automatic classification of defective photovoltaic module cells in electroluminescence
images", Solar Energy 185 (2019). The images are licensed CC BY-NC-SA 4.0: non-commercial use, share alike.
"""

import base64
import hashlib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Unpack

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graft.data import images
from graft.data.checks import sift
from graft.data.datamodule import DataModule
from graft.data.settings import Settings, one_of
from graft.data.table import Table
from graft.errors import GraftError

_LABELS = "elpv_dataset/data/labels.csv"


class Cell(NamedTuple):
    """A line of labels.csv.

    Attributes:
        path: of the image, relative to labels.csv.
        probability: that the cell is defective: 0, 1/3, 2/3 or 1.
        type: "mono" | "poly", monocrystalline or polycrystalline.
    """

    path: str
    probability: float
    type: str


class ELPV(DataModule):
    """2,624 grey images of solar cells, 300 x 300 px: functional, or defective with probability >= 0.5.

    Splits are stratified by label and cell type, as in the paper. The package is read as files and never
    imported.
    """

    holds = Tensor

    def __init__(self, *, distribution: str, label_weights: str, **settings: Unpack[Settings]) -> None:
        """Takes the name of the package, how cells are weighted, and `Settings`; reads nothing yet.

        Args:
            distribution: name of the installed package.
            label_weights: "none", or "confidence": a cell of defect probability p weighs |2p - 1|, over the mean
                of all cells.
            **settings: see `Settings`.

        Raises:
            ConfigError: a value is out of its range.
        """
        super().__init__(**settings)
        self.distribution = distribution
        self.label_weights = one_of(("none", "confidence"), "label_weights", label_weights)

    def read(self) -> Table:
        """Reads labels.csv and decodes each image once.

        Raises:
            GraftError: the package is not installed, or not as published; or see `graft.data.checks.sift`.
        """
        labels = find_labels(self.distribution)
        cells = read_labels(labels)
        sifted = sift(labels.parent, [cell.path for cell in cells], images.examine, self.bad_files)
        cells = [cells[row] for row in sifted.rows]
        probability = np.array([cell.probability for cell in cells])
        targets = (probability >= 0.5).astype(np.int64)
        ids = [cell.path for cell in cells]
        return Table(
            ids=ids,
            classes=["functional", "defective"],
            targets=targets,
            load=images.ImageFiles(labels.parent, ids),
            strata=np.array([f"{target}/{cell.type}" for target, cell in zip(targets, cells, strict=True)]),
            weights=_confidence(probability) if self.label_weights == "confidence" else None,
            facets={"cell_type": np.array([cell.type for cell in cells])},
            skipped=sifted.bad,
            **images.columns(sifted.facts),
        )


def find_labels(distribution: str) -> Path:
    """Finds labels.csv in an installed package and compares it with the checksum that it was published with.

    Raises:
        GraftError: the package is not installed, lacks the file, or has another one.
    """
    install = f"pip install {distribution}"
    again = f"Install it again: pip install --force-reinstall {distribution}"
    try:
        files: Iterable[metadata.PackagePath] = metadata.files(distribution) or ()
    except metadata.PackageNotFoundError as error:
        raise GraftError(f"The package {distribution} is not installed: {install}") from error
    listed = next((file for file in files if file.as_posix() == _LABELS), None)
    if listed is None or not (path := Path(str(listed.locate()))).is_file():
        raise GraftError(f"The package {distribution} lacks the file {_LABELS}. {again}")
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
    if listed.hash is None or (listed.hash.mode, listed.hash.value) != ("sha256", digest):
        raise GraftError(f"{path} is not the one that {distribution} was published with (sha256). {again}")
    return path


def read_labels(path: Path) -> list[Cell]:
    """Reads lines of a path, a probability and a type, with spaces between them and no header.

    Raises:
        GraftError: names the first line that is not so.
    """
    cells = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            image, probability, kind = line.split()
            cells.append(Cell(image, float(probability), kind))
        except ValueError as error:
            message = f"{path}, line {number}: {line!r} is not a path, a probability and a type."
            raise GraftError(message) from error
    return cells


def _confidence(probability: NDArray[np.float64]) -> NDArray[np.float32]:
    weights: NDArray[np.float64] = np.abs(2 * probability - 1)
    weights /= weights.mean()
    return weights.astype(np.float32)
