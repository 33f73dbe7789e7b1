"""What the data are: counts, sizes, lengths, duplicates; for the run folder and for the log."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data.datamodule import DataModule
from graft.data.duplicates import Duplicates, find_duplicates
from graft.errors import many

log = logging.getLogger(__name__)

_EXAMPLES = 20


def describe(datamodule: DataModule) -> dict[str, Any]:
    """Returns plain values: classes, counts by split, image sizes or text lengths, duplicates, skipped samples.

    Duplicates across splits are warned of.
    """
    table = datamodule.table
    duplicates = find_duplicates(datamodule.splits, table.digests, table.looks)
    _warn(duplicates, datamodule)
    description: dict[str, Any] = {
        "samples_are": "texts" if isinstance(table.load(0), str) else "images",
        "kind": str(table.kind),
        "classes": table.classes,
        "samples": {split: len(rows) for split, rows in datamodule.splits.items()},
        "counts": {split: datamodule.class_counts(split) for split in datamodule.splits},
        "duplicates": {
            "exact": len(duplicates.exact),
            "near": len(duplicates.near),
            "examples": _named(np.concatenate([duplicates.exact, duplicates.near])[:_EXAMPLES], datamodule),
        },
        "skipped": [{"id": file.id, "reason": file.reason} for file in table.skipped],
    }
    used = np.concatenate(list(datamodule.splits.values()))
    if table.sizes is not None:
        description["sizes"] = {"unit": "px", **_spread(table.sizes[used].max(axis=1))}
    if (lengths := datamodule.lengths) is not None:
        description["lengths"] = {"unit": datamodule.length_unit, **_spread(lengths[used])}
        if (most := datamodule.longest) is not None:
            description["lengths"] |= {"most": most, "cut": int((lengths[used] > most).sum())}
    return description


def _spread(values: NDArray[np.int64]) -> dict[str, int]:
    quantiles = {"min": 0.0, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {name: int(np.quantile(values, share)) for name, share in quantiles.items()}


def _warn(duplicates: Duplicates, datamodule: DataModule) -> None:
    if len(duplicates.exact):
        first = _named(duplicates.exact[:1], datamodule)[0]
        log.warning(
            "an earlier split holds %s of the validation or test split too, e.g. %s (%s) and %s (%s). Scores of them"
            " flatter: remove the copies, or keep them together (a group).",
            *(many(len(duplicates.exact), "sample"), *first),
        )
    if len(duplicates.near):
        first = _named(duplicates.near[:1], datamodule)[0]
        log.info(
            "an earlier split has images much like %s of the validation or test split, e.g. %s (%s) and %s (%s)",
            *(many(len(duplicates.near), "image"), *first),
        )


def _named(pairs: NDArray[np.int64], datamodule: DataModule) -> list[list[str]]:
    found = ((split, rows[np.isin(rows, pairs)]) for split, rows in datamodule.splits.items())
    split_of = {int(row): split for split, rows in found for row in rows}
    ids = datamodule.table.ids
    return [[ids[early], split_of[early], ids[late], split_of[late]] for early, late in pairs.tolist()]
