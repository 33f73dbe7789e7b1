"""What lies beside shards: the manifest, and the table of their samples."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graft.data.splits import SPLITS
from graft.data.table import BadFile, Kind, Rows, Table
from graft.errors import GraftError

MANIFEST = "manifest.json"  # written last: a folder that has one is whole
SAMPLES = "samples.parquet"
INDEX = "index.json"  # litdata's, of each split
FORMAT = 1
AGAIN = "Copy it again from where the shards were written, or write them again: graft shard … to=…"

_COLUMNS = {"stratum": "strata", "group": "groups", "weight": "weights", "length": "lengths"}
_BITS = {"digest": "digests", "look": "looks"}
_FACET = "facet/"


@dataclass(frozen=True)
class Manifest:
    """What shards are of.

    Attributes:
        format: of the folder; another one is not read.
        graft: the version that wrote it.
        source: the configuration of the datamodule that the samples come from.
        kind: of the targets.
        samples_are: "images" | "texts".
        classes: names of the classes, labels or values.
        counts: by split, the number of samples.
        skipped: `id` and `reason` of the samples that were left out.
        files: by name, `bytes` and `sha256` of all files but the chunks, whose sizes are in litdata's index.
        fingerprint: 64 hexadecimal digits, others for any other samples, targets or splits.
    """

    format: int
    graft: str
    source: Mapping[str, Any]
    kind: str
    samples_are: str
    classes: list[str]
    counts: Mapping[str, int]
    skipped: list[dict[str, str]]
    files: Mapping[str, Mapping[str, Any]]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class Placing:
    """Where each row of a table lies in the shards.

    Attributes:
        split: (n,) its position in `SPLITS`.
        position: (n,) in the shards of that split, from 0 on.
        checksum: (n,) CRC-32 of what is stored of it.
    """

    split: NDArray[np.int8]
    position: NDArray[np.int64]
    checksum: NDArray[np.uint32]

    def given(self) -> dict[str, Rows]:
        """Returns the rows of each split in the order of its shards."""
        rows = {name: np.flatnonzero(self.split == number) for number, name in enumerate(SPLITS)}
        return {name: members[self.position[members].argsort()] for name, members in rows.items()}


def save_samples(path: Path, table: Table, rows: Rows, placing: Placing) -> None:
    """Writes what a table knows of some rows, and where they lie.

    Args:
        path: of the Parquet file.
        table: all samples.
        rows: (n,) those that are in shards.
        placing: of these n.
    """
    columns = {
        "id": pa.array([table.ids[row] for row in rows.tolist()], pa.string()),
        "split": pa.array([SPLITS[number] for number in placing.split], pa.string()),
        "position": pa.array(placing.position),
        "checksum": pa.array(placing.checksum),
        "target": pa.array(table.targets[rows].tolist()),
    }
    for name, attribute in (_COLUMNS | _BITS).items():
        if (values := getattr(table, attribute)) is not None:
            columns[name] = _column(values[rows])
    if table.sizes is not None:
        columns |= {"width": pa.array(table.sizes[rows, 0]), "height": pa.array(table.sizes[rows, 1])}
    columns |= {_FACET + name: _column(values[rows]) for name, values in table.facets.items()}
    pq.write_table(pa.table(columns), path)


def save_manifest(folder: Path, table: Table, placing: Placing, source: Mapping[str, Any], samples_are: str) -> None:
    """Writes the manifest of a folder that is else whole."""
    files = {name: _described(folder / name) for name in (SAMPLES, *(f"{split}/{INDEX}" for split in SPLITS))}
    content = json.dumps([str(table.kind), table.classes, files[SAMPLES]["sha256"]])
    manifest = Manifest(
        format=FORMAT,
        graft=version("graft"),
        source=source,
        kind=str(table.kind),
        samples_are=samples_are,
        classes=table.classes,
        counts={name: len(rows) for name, rows in placing.given().items()},
        skipped=[file._asdict() for file in table.skipped],
        files=files,
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
    )
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(content: bytes, where: str) -> Manifest:
    """Reads a manifest.

    Raises:
        GraftError: it is damaged, or of a format that this version does not know.
    """
    try:
        said = json.loads(content)
        known = said["format"], said["graft"]
    except (ValueError, KeyError, TypeError) as error:
        raise GraftError(f"{where}/{MANIFEST} is no manifest of shards, or damaged: {error!r}. {AGAIN}") from error
    if known[0] != FORMAT:
        raise GraftError(
            f"{where} holds shards of format {known[0]}, written by graft {known[1]}; this is graft {version('graft')},"
            f" which reads format {FORMAT}. Read them with that version, or write them again: graft shard … to=…"
        )
    try:
        return Manifest(**said)
    except TypeError as error:
        raise GraftError(f"{where}/{MANIFEST} is damaged: {error}. {AGAIN}") from error


def check_file(path: Path, said: Mapping[str, Any], remedy: str) -> None:
    """Compares a file with what the manifest says of it; the remedy is for the message.

    Raises:
        GraftError: it is another one.
    """
    if (is_one := _described(path)) != said:
        what = "bytes" if is_one["bytes"] != said["bytes"] else "sha256"
        raise GraftError(
            f"{path} is not the file that the manifest describes ({what}: {is_one[what]}, not {said[what]}). {remedy}"
        )


def read_samples(path: Path) -> tuple[pa.Table, Placing]:
    """Reads the table of samples, and where each lies."""
    columns = pq.read_table(path)
    number = {name: position for position, name in enumerate(SPLITS)}
    placing = Placing(
        np.array([number[name] for name in columns["split"].to_pylist()], dtype=np.int8),
        columns["position"].to_numpy(),
        columns["checksum"].to_numpy(),
    )
    return columns, placing


def table_of(columns: pa.Table, manifest: Manifest, placing: Placing, load: Callable[[int], Any]) -> Table:
    """Returns the table that was written, but for the rows that no split had."""
    there = set(columns.column_names)
    kind = Kind(manifest.kind)
    dtype = np.float32 if kind is Kind.REGRESSION else np.int64
    known: dict[str, Any] = {
        attribute: columns[name].to_numpy() if name in _BITS else np.array(columns[name].to_pylist())
        for name, attribute in (_COLUMNS | _BITS).items()
        if name in there
    }
    facets = [name for name in columns.column_names if name.startswith(_FACET)]
    if "weights" in known:
        known["weights"] = known["weights"].astype(np.float32)
    if "width" in there:
        known["sizes"] = np.stack([columns["width"].to_numpy(), columns["height"].to_numpy()], axis=1)
    return Table(
        ids=columns["id"].to_pylist(),
        classes=list(manifest.classes),
        targets=np.array(columns["target"].to_pylist(), dtype=dtype),
        load=load,
        facets={name.removeprefix(_FACET): np.array(columns[name].to_pylist()) for name in facets},
        given=placing.given(),
        skipped=[BadFile(**file) for file in manifest.skipped],
        kind=kind,
        **known,
    )


def _column(values: Sequence[Any] | NDArray[Any]) -> pa.Array:
    """NumPy's own texts have one width; Arrow takes them one by one."""
    array = np.asarray(values)
    return pa.array(array) if array.dtype.kind in "iuf" else pa.array(array.tolist())


def _described(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
