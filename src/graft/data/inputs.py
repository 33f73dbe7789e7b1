"""What is to be predicted: a file, a folder or a table of images or texts, without labels."""

import codecs
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft.data import images
from graft.data.checks import examine_files
from graft.data.columns import read_strings, store_texts
from graft.data.formats import batches, column_names
from graft.data.lines import places
from graft.data.separators import other_separator
from graft.data.suffixes import SUFFIXES
from graft.data.table import BadFile, Picked, Table
from graft.data.texts import Texts
from graft.errors import GraftError, did_you_mean, many

log = logging.getLogger(__name__)

_TEXT = ".txt"
_EMPTY = "the text is empty"
_TABLE = f"a table: {', '.join(SUFFIXES)}"
_TAKEN = {
    "images": f"an image, a folder of images, or {_TABLE}",
    "texts": f"a {_TEXT} file with a text in each line, a folder of {_TEXT} files, or {_TABLE}",
}
_KINDS = 8  # of files passed over, to name in a message


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


def read_inputs(path: Path, samples_are: str, column: str, key: str = "inputs") -> Inputs:
    """Finds the samples.

    Args:
        path: an image; a text file with a text in each line; a folder of images, or of text files with one text each,
            searched with the folders in it; or a CSV, TSV, JSON lines or Parquet file.
        samples_are: "images" | "texts".
        column: of a table: of the texts, or of the paths, relative to the table's folder.
        key: of the command, that names the path.

    Raises:
        GraftError: there is nothing of this kind, or nothing that can be read.
    """
    beside: list[str] = []
    try:
        if not (there := path.exists()) and path.parent.is_dir():
            beside = [file.name for file in path.parent.iterdir()]
    except OSError:  # of a name that is as long as a text
        there = False
    if not there:
        raise GraftError(
            f"{key}={path} does not exist.{did_you_mean(path.name, beside)} It takes {_TAKEN[samples_are]}."
        )
    inputs = _images(path, column) if samples_are == "images" else _texts(path, column)
    if not inputs.table.ids:
        first = f" The first: {bad_names(inputs, path, 1)[0]}: {inputs.bad[0].reason}." if inputs.bad else ""
        raise GraftError(f"{key}={path}: none of {many(len(inputs.ids), samples_are[:-1])} can be read.{first}")
    return inputs


def bad_names(inputs: Inputs, path: Path, most: int) -> list[str]:
    """Returns how the first bad inputs are named in messages: those without a name of their own by their line.

    Args:
        inputs: what was read.
        path: of it.
        most: how many to name.
    """
    bad = {file.id for file in inputs.bad}
    rows = [row for row, name in enumerate(inputs.ids) if name in bad][:most]
    is_lines = path.suffix.lower() == _TEXT
    lines = [f"line {row + 1}" for row in rows] if is_lines else places(path, rows)
    named = [inputs.ids[row] for row in rows]
    return [
        line if name in (str(row + 1), f"row {row + 1}") else name
        for row, line, name in zip(rows, lines, named, strict=True)
    ]


def _images(path: Path, column: str) -> Inputs:
    if path.is_dir():
        root, names = path, _files(path, images.SUFFIXES)
    elif path.suffix.lower() in SUFFIXES:
        _check_column(path, column)
        root, names = path.parent, [value or "" for value in read_strings(path, [column])[column]]
    else:
        root, names = path.parent, [path.name]
    ids = [name or f"row {number}" for number, name in enumerate(names, start=1)]
    facts = examine_files(root, names, images.examine)
    found = [fact if isinstance(fact, str) else None for fact in facts]
    problems = [problem if name else "names no file" for name, problem in zip(names, found, strict=True)]
    return _sorted_out(ids, images.ImageFiles(root, names), problems)


def _texts(path: Path, column: str) -> Inputs:
    if path.is_dir():
        ids = _files(path, {_TEXT})
        return _decoded(ids, [(path / name).read_bytes() for name in ids])
    if path.suffix.lower() == _TEXT:
        return _decoded(None, _lines(path))
    if path.suffix.lower() not in SUFFIXES:
        raise GraftError(
            f"inputs={path} holds no texts that can be read: give {_TAKEN['texts']} (save a spreadsheet as CSV,"
            " JSON with a line a text)."
        )
    _check_column(path, column)
    try:
        stored, lengths = store_texts(path, column)  # not in memory, which the table may exceed
    except GraftError:  # perhaps of some rows only; what spoils the whole file is told again
        return _decoded(
            None, [value for batch in batches(path, [column]) for value in batch.column(column).to_pylist()]
        )
    ids = [str(number) for number in range(1, len(lengths) + 1)]
    return _texts_of(ids, stored, lengths, [None if length else _EMPTY for length in lengths])


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise GraftError(f"{path} is UTF-16, not UTF-8: convert it, e.g. iconv -f utf-16 -t utf-8.")
    return content.splitlines()


def _decoded(ids: list[str] | None, contents: Sequence[Any]) -> Inputs:
    """Takes each content for itself, so that one in another encoding spoils no other; without ids, by number."""
    found = [_text(content) for content in contents]
    texts = [text for text, _ in found]
    lengths = np.array([len(text.strip()) for text in texts], dtype=np.int64)
    return _texts_of(
        ids or [str(number) for number in range(1, len(texts) + 1)], Texts(texts), lengths, [said for _, said in found]
    )


def _text(content: Any) -> tuple[str, str | None]:
    """Returns a text, or what is wrong with it."""
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else str("" if content is None else content)
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x} at {error.start}"
        return "", f"not UTF-8 ({byte}); convert it, e.g. iconv -f latin1 -t utf-8"
    return text, None if text.strip() else _EMPTY


def _texts_of(
    ids: list[str], load: Callable[[int], str], lengths: NDArray[np.int64], problems: list[str | None]
) -> Inputs:
    inputs = _sorted_out(ids, load, problems)
    return replace(inputs, table=replace(inputs.table, lengths=lengths[lengths > 0]))


def _check_column(path: Path, column: str) -> None:
    names = column_names(path)
    if column not in names:
        near = other_separator(path) or did_you_mean(column, names)
        raise GraftError(f"{path} has no column {column!r}.{near} Say which it is, column=…, of: {', '.join(names)}.")


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
    there = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    seen = sorted(path for path in there if not any(part.startswith(".") for part in path.parts))
    names = [path.as_posix() for path in seen if path.suffix.lower() in suffixes]
    hint = images.conversion(path.suffix for path in seen) if suffixes is images.SUFFIXES else ""
    if not names:
        raise GraftError(f"inputs={root} holds no files of these kinds: {' '.join(sorted(suffixes))}{hint}.")
    if len(names) < len(seen):
        others = Counter(path.suffix.lower() or path.name for path in seen if path.suffix.lower() not in suffixes)
        told = ", ".join(f"{count} {kind}" for kind, count in others.most_common(_KINDS))
        log.warning(
            "%s in %s of other kinds, passed over: %s%s", many(len(seen) - len(names), "file"), root, told, hint
        )
    return names
