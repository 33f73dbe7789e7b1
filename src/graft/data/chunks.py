"""Samples in litdata's chunks, read in any order."""

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graft.data import images
from graft.data.places import Place
from graft.data.shards import INDEX, Placing
from graft.data.splits import SPLITS
from graft.errors import GraftError

_FORMATS = ["bytes"], ["str"]  # of litdata's; others may run code when they are read
_OPEN = 100  # chunks of a split that stay mapped; each takes two of the process's open files


class ChunkedSamples:
    """Loads the sample of a row of shards; picklable, and opened anew in each process.

    Args:
        place: where the shards lie.
        placing: of the rows.
    """

    def __init__(self, place: Place, placing: Placing) -> None:
        self._place = place
        self._placing = placing
        self._opened: dict[int, _Split] = {}
        self._process = os.getpid()

    def __call__(self, row: int) -> Any:
        """Returns the canonical sample.

        Raises:
            GraftError: its chunk is not there, or damaged.
        """
        stored = self.encoded(row)
        return stored if isinstance(stored, str) else images.decode_bytes(stored)

    def encoded(self, row: int) -> bytes | str:
        """Returns what is stored of a sample: a text, or an image file.

        Raises:
            GraftError: see above.
        """
        split, position = int(self._placing.split[row]), int(self._placing.position[row])
        stored, path = self._split(split).read(position)
        if checksum(stored) != self._placing.checksum[row]:
            raise GraftError(
                f"{path}: sample {position} of {SPLITS[split]} has another checksum than when it was written."
                f" {self._place.remedy(path)}"
            )
        return stored

    def check(self) -> None:
        """Looks at the sizes of all chunks that are here, of which none is read.

        Raises:
            GraftError: one is missing or cut off, or is of a kind that is not read.
        """
        for number in range(len(SPLITS)):
            self._split(number).check()

    def _split(self, number: int) -> "_Split":
        if self._process != os.getpid():  # a forked loader process: what is open is its parent's
            self._opened, self._process = {}, os.getpid()
        if number not in self._opened:
            self._opened[number] = _Split(self._place, SPLITS[number])
        return self._opened[number]

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the open files out."""
        return {"place": self._place, "placing": self._placing}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Opens nothing yet."""
        self.__init__(**state)  # type: ignore[misc]


class _Split:
    """The chunks of one split, open in this process."""

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        index = json.loads(place.described(f"{name}/{INDEX}").read_bytes())
        if index["config"]["data_format"] not in _FORMATS or index["config"]["compression"] is not None:
            raise GraftError(f"{place.address}/{name}/{INDEX}: these are no chunks that graft shard has written.")
        self._chunks: Sequence[Any] = index["chunks"]
        self._ends = np.cumsum([chunk["chunk_size"] for chunk in self._chunks])
        self._here: set[int] = set()
        self._dataset = _open(place.folder / name, len(self._chunks))

    def read(self, position: int) -> tuple[bytes | str, Path]:
        """Returns a sample, and the chunk that it is in."""
        number = int(np.searchsorted(self._ends, position, side="right"))
        path = self._place.folder / self._name / self._chunks[number]["filename"]
        if number not in self._here:
            self._fetch(number)
            self._here.add(number)
        stored = self._dataset[position]
        return stored if isinstance(stored, str) else bytes(stored), path

    def check(self) -> None:
        if not self._place.is_remote:
            for number in range(len(self._chunks)):
                self._fetch(number)

    def _fetch(self, number: int) -> None:
        chunk = self._chunks[number]
        self._place.file(f"{self._name}/{chunk['filename']}", chunk["chunk_bytes"])


def _open(folder: Path, chunks: int) -> Any:
    """Opens chunks for access in any order: mapped, for else litdata reads a whole chunk for each sample."""
    from litdata import StreamingDataset
    from litdata.streaming.item_loader import PyTreeLoader

    loader = PyTreeLoader(batch_decode=0)
    loader.set_mmap_allowed_chunks(set(range(chunks)))
    loader.set_posix_fast(True, keep=min(chunks, _OPEN), willneed=False)
    return StreamingDataset(str(folder), item_loader=loader, batch_decode=0)


def checksum(stored: bytes | str) -> int:
    """Returns the CRC-32 of what is stored of a sample."""
    return zlib.crc32(stored.encode("utf-8") if isinstance(stored, str) else stored)


def check_extra(what: str) -> None:
    """Makes sure that litdata is installed.

    Raises:
        GraftError: names the extra to install.
    """
    try:
        import litdata  # noqa: F401
    except ImportError as error:
        raise GraftError(f"{what} needs the extra: pip install 'graft[streaming]'") from error
