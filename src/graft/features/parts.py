"""Parts: what is kept of a few thousand samples, features or images, in a file that is mapped into memory."""

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

log = logging.getLogger(__name__)

Digests = NDArray[np.uint64]
"""Hashes of samples' contents."""

PARTS = "*.safetensors"


@dataclass(frozen=True, eq=False)
class Part:
    """Some samples' features or images.

    Attributes:
        samples: (n,) hashes of the samples' contents.
        values: (n, …); mapped into memory where it comes from the disk.
        path: Of the file; None: it is in memory only.
    """

    samples: Digests
    values: Tensor
    path: Path | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels to another process by its path, which maps the file for itself."""
        return (Part, (self.samples, self.values)) if self.path is None else (_mapped, (self.path,))


class Features:
    """The features or images of given samples, gathered from parts when asked for.

    Args:
        parts: That hold all of the samples.
        samples: (n,) hashes; some may be equal.

    Raises:
        KeyError: A sample is in no part.
    """

    def __init__(self, parts: list[Part], samples: Digests) -> None:
        known, numbers, rows = index_of(parts)
        found = positions_in(known, samples)
        if (found < 0).any():
            raise KeyError("a sample's features are in no part")
        self._numbers, self._rows = numbers[found], rows[found]
        used = np.unique(self._numbers)
        self._numbers = np.searchsorted(used, self._numbers)
        self._parts = [parts[number] for number in used.tolist()]

    def __len__(self) -> int:
        """Returns the number of samples."""
        return len(self._rows)

    def __getitem__(self, positions: list[int]) -> Tensor:
        """Returns the features at positions, `(positions, …)`, a copy; those of shorter texts end in zeros."""
        numbers, rows = self._numbers[positions], self._rows[positions]
        first = self._parts[0].values
        if len(self._parts) == 1:
            return torch.index_select(first, 0, torch.from_numpy(rows))
        used = np.unique(numbers).tolist()
        most = max(self._parts[number].values.shape[1] for number in used)
        gathered: Tensor = first.new_zeros((len(rows), most, *first.shape[2:]))
        for number in used:
            of_part = np.flatnonzero(numbers == number)
            values = self._parts[number].values
            gathered[torch.from_numpy(of_part), : values.shape[1]] = values[torch.from_numpy(rows[of_part])]
        return gathered

    def one(self, position: int) -> Tensor:
        """Returns what is kept of one sample, `(…)`, where it lies: not to be written to."""
        kept: Tensor = self._parts[self._numbers[position]].values[self._rows[position]]
        return kept

    @cached_property
    def all(self) -> Tensor:
        """All of them, `(n, …)`, in memory."""
        return self[list(range(len(self)))]


def read_parts(folder: Path) -> list[Part]:
    """Returns the parts in a store's folder that are whole; a damaged one is told and removed."""
    found = [read(path) for path in sorted(folder.glob(PARTS))]
    return [part for part in found if part is not None]


def index_of(parts: list[Part]) -> tuple[Digests, NDArray[np.int64], NDArray[np.int64]]:
    """Returns the distinct samples of parts, ascending, and for each the number of a part and the row in it."""
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)
    lengths = [len(part.samples) for part in parts]
    known, first = np.unique(np.concatenate([part.samples for part in parts]), return_index=True)
    numbers = np.repeat(np.arange(len(parts)), lengths)[first]
    return known, numbers, first - np.cumsum([0, *lengths])[numbers]


def positions_in(known: Digests, samples: Digests) -> NDArray[np.int64]:
    """Returns where each sample is among known ones, which are ascending; -1: it is not."""
    if not len(known):
        return np.full(len(samples), -1)
    found = np.searchsorted(known, samples).clip(max=len(known) - 1)
    return np.where(known[found] == samples, found, -1)


def read(path: Path) -> Part | None:
    """Returns a part as mapped into memory; None where that cannot be, which is told."""
    try:
        if path.stem.rpartition("-")[2] != _checksum(path):
            raise ValueError("its checksum is wrong")
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("key") != path.parent.name:
                raise ValueError("it was made under another key")
        return _mapped(path)
    except FileNotFoundError:  # pruned meanwhile
        return None
    except OSError as error:  # of the disk or the network: what is there may be whole
        log.warning("%s cannot be read (%s); what it holds is computed again.", path, error.strerror or error)
    except (ValueError, SafetensorError) as error:
        log.warning("%s is damaged (%s); what it held is computed again.", path, error)
        with suppress(OSError):
            path.unlink()
    return None


def written(part: Part, folder: Path, name: str) -> Part:
    """Writes a part and returns it as mapped from the disk.

    Raises:
        OSError: It cannot be written; or
        SafetensorError: likewise. Nothing is left of it.
    """
    temporary = folder / f".{name}.{uuid4().hex}.tmp"
    try:
        tensors = {"samples": torch.from_numpy(part.samples), "values": part.values}
        save_file(tensors, temporary, metadata={"key": folder.name})  # a folder may be renamed, or a part moved
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        target = folder / f"{name}-{_checksum(temporary)}.safetensors"
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return _mapped(target)


def _mapped(path: Path) -> Part:
    with safe_open(path, "pt") as file:
        return Part(file.get_tensor("samples").numpy().copy(), file.get_tensor("values"), path)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
