"""From texts to what a text network takes in; each text is cut into tokens once."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from graft.caching.folders import opened

log = logging.getLogger(__name__)

# Of the tokenizer in Python: what the backend's JSON does not say, which has the added and the special tokens.
_SETTINGS = ("truncation_side", "split_special_tokens", "pad_token_id", "padding_side", "model_input_names")
_AT_ONCE = 1000  # texts; more only take more memory


@dataclass(frozen=True)
class TokenIds:
    """The tokens of many texts, in a folder of the cache; picklable.

    Attributes:
        folder: Holds `ids.bin`, the int32 ids of all texts one behind the other; `ends.npy`, where each text ends; and
            `lengths.npy`.
    """

    folder: Path

    def __call__(self, row: int) -> Tensor:
        """Returns int64 `(tokens,)`."""
        start = int(self._ends[row - 1]) if row else 0
        return torch.from_numpy(self._ids[start : int(self._ends[row])].astype(np.int64))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text before it was cut, `(n,)`."""
        lengths: NDArray[np.int64] = np.load(self.folder / "lengths.npy")
        return lengths

    @cached_property
    def _ids(self) -> NDArray[np.int32]:
        path = self.folder / "ids.bin"
        return np.memmap(path, np.int32, mode="r") if path.stat().st_size else np.empty(0, np.int32)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        ends: NDArray[np.int64] = np.load(self.folder / "ends.npy")
        return ends

    def __getstate__(self) -> dict[str, Any]:
        """Leaves open files out."""
        return {"folder": self.folder}


@dataclass
class Tokenization:
    """Turns a text into token ids, and texts into a batch as long as the longest of them.

    Attributes:
        tokenizer: Of transformers.
        max_length: Tokens that are kept of a text, special ones included.
    """

    tokenizer: Any
    max_length: int

    takes: ClassVar[type] = str

    @property
    def identity(self) -> str:
        """Another text for all that makes other inputs of the same texts."""
        tokenizer = json.loads(self.tokenizer.backend_tokenizer.to_str())
        for state in ("truncation", "padding"):  # of its last call
            tokenizer.pop(state, None)
        kind = type(self.tokenizer)  # some classes cut for themselves
        said = {name: getattr(self.tokenizer, name) for name in _SETTINGS}
        own = json.dumps({"class": f"{kind.__module__}.{kind.__qualname__}", **said}, sort_keys=True)
        return f"{self.max_length} {own} {json.dumps(tokenizer, sort_keys=True)}"

    def __call__(self, text: str) -> Tensor:
        """Returns int64 `(tokens,)`, at most `max_length`."""
        ids = self.tokenizer(text, truncation=True, max_length=self.max_length)["input_ids"]
        return torch.tensor(ids, dtype=torch.int64)

    def collate(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Returns `input_ids` and `attention_mask`, both int64 `(batch, longest)`, padded on the tokenizer's side."""
        padded: dict[str, Tensor] = dict(
            self.tokenizer.pad([{"input_ids": ids} for ids in inputs], return_tensors="pt")
        )
        return padded

    def prepare(self, load: Callable[[int], str], count: int) -> TokenIds:
        """Cuts texts into tokens, or finds in the cache that it was done already; says how many are too long.

        Args:
            load: The text of each row.
            count: Number of rows.

        Raises:
            GraftError: There is no place for them, not even for this run.
        """
        folder = opened("tokens", self._key(load, count), "The tokens", lambda new: self._write(load, count, new))
        ids = TokenIds(folder)
        cut = int((ids.lengths > self.max_length).sum())
        if cut:
            log.warning(
                "texts of more than %d tokens: %d of %d; of those the network sees the first %d"
                " (backbone.max_length, at most what the network was made for)",
                *(self.max_length, cut, count, self.max_length),
            )
        return ids

    def _key(self, load: Callable[[int], str], count: int) -> str:
        """Of everything that the tokens depend on: the tokenizer as it is, and all texts."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"4 {version('tokenizers')} {version('transformers')} {self.identity}".encode())
        for row in range(count):
            text = load(row).encode("utf-8", "surrogatepass")
            digest.update(len(text).to_bytes(8, "little"))  # else a border between two texts could move
            digest.update(text)
        return digest.hexdigest()

    def _write(self, load: Callable[[int], str], count: int, folder: Path) -> None:
        kept: list[int] = []
        lengths: list[int] = []
        with (folder / "ids.bin").open("wb") as file:
            for rows in _in_parts(count):
                encoded = self.tokenizer([load(row) for row in rows], truncation=True, max_length=self.max_length)
                lengths += map(_uncut, encoded.encodings)
                for ids in encoded["input_ids"]:
                    kept.append(len(ids))
                    file.write(np.asarray(ids, dtype=np.int32).tobytes())
        np.save(folder / "ends.npy", np.cumsum(np.asarray(kept, dtype=np.int64)))
        np.save(folder / "lengths.npy", np.asarray(lengths, dtype=np.int64))


def _uncut(encoding: Any) -> int:
    """The tokens of a text before it was cut; each part of it has special ones of its own."""
    beyond: list[int] = [part.special_tokens_mask.count(0) for part in encoding.overflowing]
    return len(encoding.ids) + sum(beyond)


def _in_parts(count: int) -> Iterator[range]:
    """Parts of the rows, with a progress bar where it takes longer than a second."""
    started = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True, disable=count <= _AT_ONCE) as progress:
        progress.live.stop()
        task = progress.add_task("Cutting texts into tokens", total=count)
        for start in range(0, count, _AT_ONCE):
            yield range(start, min(start + _AT_ONCE, count))
            if time.monotonic() - started > 1 and not progress.live.is_started:
                progress.live.start()
            progress.advance(task, _AT_ONCE)
