"""From a text to what a text network takes in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class Tokenization:
    """Turns a text into token ids, and texts into a batch as long as the longest of them.

    Attributes:
        tokenizer: Of transformers.
        max_length: Tokens that are kept of a text, special ones included.
    """

    tokenizer: Any
    max_length: int
    _known: dict[str, Tensor] = field(default_factory=dict, repr=False)  # each text is cut into tokens once a process

    def __call__(self, text: str) -> Tensor:
        """Returns int64 `(tokens,)`, at most `max_length`."""
        if text not in self._known:
            ids = self.tokenizer(text, truncation=True, max_length=self.max_length)["input_ids"]
            self._known[text] = torch.tensor(ids, dtype=torch.int32)
        return self._known[text].long()

    def collate(self, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Returns `input_ids` and `attention_mask`, both int64 `(batch, longest)`, padded on the tokenizer's side."""
        padded: dict[str, Tensor] = dict(
            self.tokenizer.pad([{"input_ids": ids} for ids in inputs], return_tensors="pt")
        )
        return padded

    def __getstate__(self) -> dict[str, Any]:
        """Leaves the known texts out: they would travel to every loader process."""
        return {**self.__dict__, "_known": {}}
