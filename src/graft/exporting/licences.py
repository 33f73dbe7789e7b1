"""Under which licences weights and data come, and the texts of these."""

import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

UNKNOWN = "unknown: find out before you publish"
FOLDER = "LICENSES"


def licence_of_weights(backbone: Mapping[str, Any]) -> str:
    """Returns a short name such as `apache-2.0`, or what else is so.

    Args:
        backbone: The run's `backbone`.
    """
    if backbone["weights"] == "none":
        return "none: they started from random numbers"
    if Path(str(backbone["weights"])).expanduser().exists():  # a file or run of the user's own, of whatever licence
        return UNKNOWN
    return str(backbone.get("license") or UNKNOWN)


def licence_of_data(datamodule: Mapping[str, Any]) -> str:
    """Returns a short name such as `cc-by-nc-sa-4.0`, or that it is not known.

    Args:
        datamodule: The run's `datamodule`.
    """
    return str(datamodule.get("license") or UNKNOWN)


def licence_of_both(weights: str, data: str) -> str:
    """Returns what the header of a model card says: one of the Hub's names, `other` or `unknown`."""
    if UNKNOWN in (weights, data):
        return "unknown"
    return data if weights == data or weights.startswith("none") else "other"


def save_licences(settings: Mapping[str, Any], folder: Path) -> list[str]:
    """Copies the licence files of the packages that weights and data come from.

    Args:
        settings: The run's config.
        folder: Of the export.

    Returns:
        Paths below the folder.
    """
    package = settings["backbone"].get("package") if settings["backbone"]["weights"] == "package" else None
    sources = [package and package["distribution"], settings["datamodule"].get("distribution")]
    copied = []
    for name in filter(None, sources):
        for file in _licence_files(name):
            target = folder / FOLDER / name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            copied.append(target.relative_to(folder).as_posix())
    return copied


def _licence_files(name: str) -> list[Path]:
    try:
        files = metadata.files(name) or []
    except metadata.PackageNotFoundError:
        return []
    found = [file for file in files if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING", "NOTICE"))]
    return [Path(str(file.locate())) for file in found]
