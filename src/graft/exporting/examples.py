"""Network inputs to export and to check with: samples of the run's own data, or random ones where these have moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graft.backbones.images import ImagePreprocessing
from graft.backbones.tokens import Tokenization
from graft.data.datamodule import DataModule
from graft.data.sampling import Draw
from graft.errors import GraftError

SPLIT = "val"
_SAMPLES = 5  # of the larger batch; not 1, and no size that a network has inside
_WORDS = 12  # random tokens of a text, or fewer


@dataclass(frozen=True)
class Examples:
    """Batches of 1 sample and of several.

    Attributes:
        names: of the inputs; of a network that takes a tensor, one.
        batches: each the inputs by name.
        origin: where they come from, for people.
    """

    names: tuple[str, ...]
    batches: list[dict[str, Tensor]]
    origin: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The names, where the backbone takes a dictionary; else none."""
        return () if self.names == ("images",) else self.names

    def for_backbone(self, number: int) -> Any:
        """Returns a batch as the backbone takes it."""
        batch = self.batches[number]
        return batch if self.keys else batch["images"]


def real_examples(datamodule: DataModule) -> Examples:
    """Takes samples from all over the validation split."""
    dataset = datamodule.dataset(SPLIT, train=False)
    count = len(dataset)
    places = np.linspace(0, count - 1, min(count, _SAMPLES), dtype=int).tolist()
    batches = [dataset.__getitems__([Draw(0, place) for place in some])["inputs"] for some in (places[:1], places)]
    return _examples(batches, f"samples of the validation split of datamodule={datamodule.name}")


def random_examples(preprocess: Any, why: str) -> Examples:
    """Draws inputs by a fixed seed.

    Args:
        preprocess: The backbone's.
        why: There are no real ones.

    Raises:
        GraftError: What the preprocessing makes is not known.
    """
    generator = torch.Generator().manual_seed(0)
    if isinstance(preprocess, ImagePreprocessing):
        shape = (len(preprocess.mean), preprocess.size, preprocess.size)
        batches: Sequence[Any] = [torch.randn(count, *shape, generator=generator) for count in (1, _SAMPLES)]
    elif isinstance(preprocess, Tokenization):
        longest, most = min(_WORDS, preprocess.max_length), len(preprocess.tokenizer)
        texts = [torch.randint(most, (longest - place % 2,), generator=generator) for place in range(_SAMPLES)]
        batches = [preprocess.collate(texts[:1]), preprocess.collate(texts)]
    else:
        raise GraftError(f"Inputs of {type(preprocess).__name__} can be made of the run's data only: {why}")
    return _examples(batches, f"random inputs, seed 0, as the run's data cannot be read here: {why}")


def _examples(batches: Sequence[Any], origin: str) -> Examples:
    if isinstance(batches[0], Tensor):
        return Examples(("images",), [{"images": batch} for batch in batches], origin)
    return Examples(tuple(batches[0]), [dict(batch) for batch in batches], origin)
