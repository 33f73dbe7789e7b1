"""What is to be predicted: a file, a folder or a table of images or texts, without labels."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data import images
from graft.data.checks import examine_files
from graft.data.columns import SUFFIXES, check_columns, read_strings, store_texts
from graft.data.table import BadFile, Picked, Table
from graft.data.texts import Texts
from graft.errors import GraftError, did_you_mean

_TEXT = ".txt"


@dataclass(frozen=True)
class Inputs:
    """Samples in the order in which they were given.

    Attributes:
        ids: of all, bad ones too.
        table: of the good ones; without targets.
        bad: the others, and why.
    """

    ids: list[str]
    table: Table
    bad: list[BadFile]


def read_inputs(path: Path, samples_are: str, column: str) -> Inputs:
    """Finds the samples.

    Args:
        path: an image; a text file with a text in each line; a folder of images, or of text files with one text each,
            searched with the folders in it; or a CSV, TSV, JSON lines or Parquet file.
        samples_are: "images" | "texts".
        column: of a table: of the texts, or of the paths, relative to the table's folder.

    Raises:
        GraftError: there is nothing of this kind, or nothing that can be read.
    """
    if not path.exists():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise GraftError(f"inputs={path} does not exist.{did_you_mean(path.name, beside)}")
    inputs = _images(path, column) if samples_are == "images" else _texts(path, column)
    if not inputs.table.ids:
        first = f" The first: {inputs.bad[0].id}: {inputs.bad[0].reason}." if inputs.bad else ""
        raise GraftError(f"inputs={path}: none of {len(inputs.ids)} {samples_are} can be read.{first}")
    return inputs


def _images(path: Path, column: str) -> Inputs:
    if path.is_dir():
        root, names = path, _files(path, images.SUFFIXES)
    elif path.suffix.lower() in SUFFIXES:
        check_columns(path, [column])
        root, names = path.parent, [value or "" for value in read_strings(path, [column])[column]]
    else:
        root, names = path.parent, [path.name]
    facts = examine_files(root, names, images.examine)
    problems = [found if isinstance(found, str) else None for found in facts]
    return _sorted_out(names, images.ImageFiles(root, names), problems)


def _texts(path: Path, column: str) -> Inputs:
    if path.is_dir():
        ids = _files(path, {_TEXT})
        texts = [_decoded(path / name) for name in ids]
    elif path.suffix.lower() == _TEXT:
        texts = _decoded(path).splitlines()
        ids = [str(number) for number in range(1, len(texts) + 1)]
    else:
        check_columns(path, [column])
        stored, lengths = store_texts(path, column)
        ids = [str(number) for number in range(1, len(lengths) + 1)]
        return _texts_of(ids, stored, lengths)
    lengths = np.array([len(text.strip()) for text in texts], dtype=np.int64)
    return _texts_of(ids, Texts(texts), lengths)


def _texts_of(ids: list[str], load: Callable[[int], str], lengths: NDArray[np.int64]) -> Inputs:
    inputs = _sorted_out(ids, load, [None if length else "the text is empty" for length in lengths])
    return replace(inputs, table=replace(inputs.table, lengths=lengths[lengths > 0]))


def _sorted_out(ids: list[str], load: Callable[[int], Any], problems: list[str | None]) -> Inputs:
    good = np.array([row for row, problem in enumerate(problems) if problem is None], dtype=np.int64)
    table = Table(
        ids=[ids[row] for row in good],
        classes=[],
        targets=np.zeros(len(good), dtype=np.int64),
        load=Picked(load, good),
        strata=np.zeros(len(good), dtype=np.int64),
    )
    bad = [BadFile(name, problem) for name, problem in zip(ids, problems, strict=True) if problem is not None]
    return Inputs(ids, table, bad)


def _files(root: Path, suffixes: frozenset[str] | set[str]) -> list[str]:
    paths = sorted(path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in suffixes)
    names = [path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)]
    if not names:
        raise GraftError(f"inputs={root} holds no files of these kinds: {' '.join(sorted(suffixes))}.")
    return names


def _decoded(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GraftError(f"{path} is not UTF-8 (byte {error.start}). Convert it, e.g. iconv -f latin1.") from error
