"""Attributions: which words of a text speak for a class, and which against it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from graft.errors import GraftError
from graft.explaining.asking import captum, scores
from graft.tasks import Supervised

_STEPS = (32, 128, 512)  # of the integral; more where fewer are too coarse
_TOLERANCE = 0.02  # of the difference of scores, up to which attributions may miss it
_ROWS = 16  # of the network's batches


@dataclass(frozen=True)
class Attribution:
    """What the tokens of a text do to a score.

    Attributes:
        spans: Of each token, where it begins and ends in the text, ascending; special tokens are left out.
        values: Of each, how much of the difference it makes.
        difference: The score of the text minus that of a text of padding as long.
        is_cut: Whether the text has more tokens than the network sees.
    """

    spans: list[tuple[int, int]]
    values: list[float]
    difference: float
    is_cut: bool


class IntegratedGradients:
    """Integrated gradients of the embeddings of tokens.

    Source: Sundararajan et al., ICML 2017, equation 1. The baseline is the same text with padding in the place of each
    token but special ones, such as the first and the last of BERT; positions stay as they are. The sum over a text is
    the difference of the scores (completeness, proposition 1).

    Args:
        task: In eval mode.

    Raises:
        GraftError: The backbone's preprocessing has no tokenizer.
    """

    def __init__(self, task: Supervised) -> None:
        self._task = task
        self._preprocess: Any = task.backbone.preprocess(train=False)
        if not hasattr(self._preprocess, "tokenizer"):
            raise GraftError(
                f"Texts are explained by their tokens, and the preprocessing of {type(task.backbone).__name__} has no"
                " attribute `tokenizer`, one of transformers, that would tell where they are in a text."
            )

    def __call__(self, text: str, target: int) -> Attribution:
        """Returns the attributions of one text for one output.

        Raises:
            GraftError: No embedding of the backbone takes the tokens in.
        """
        encoded = self._preprocess.tokenizer(
            text,
            truncation=True,
            max_length=self._preprocess.max_length,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        ids = torch.tensor([encoded["input_ids"]], device=next(self._task.backbone.parameters()).device)
        special = torch.tensor(encoded["special_tokens_mask"], dtype=torch.bool, device=ids.device)
        padding = torch.where(special, ids, self._preprocess.tokenizer.pad_token_id)
        with torch.no_grad():
            there, nowhere = (self._scores(each)[0, target] for each in (ids, padding))
        values = self._integrated(ids, padding, target, float(there - nowhere))
        spans, summed = _by_place(encoded["offset_mapping"], values.tolist(), special.tolist())
        return Attribution(spans, summed, float(there - nowhere), bool(encoded.encodings[0].overflowing))

    def _scores(self, ids: Tensor) -> Tensor:
        return scores(self._task, {"input_ids": ids, "attention_mask": torch.ones_like(ids)})

    def _integrated(self, ids: Tensor, padding: Tensor, target: int, difference: float) -> Tensor:
        method = captum().LayerIntegratedGradients(self._scores, self._embedding(ids))
        values = torch.zeros(ids.shape[1])
        for steps in _STEPS:
            found = method.attribute(ids, baselines=padding, target=target, n_steps=steps, internal_batch_size=_ROWS)
            values = found.detach().sum(dim=2)[0].cpu()
            if abs(float(values.sum()) - difference) <= _TOLERANCE * abs(difference):
                break
        return values

    def _embedding(self, ids: Tensor) -> nn.Module:
        found: list[nn.Module] = []

        def note(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
            if given and isinstance(given[0], Tensor) and torch.equal(given[0], ids):
                found.append(module)

        tables = [module for module in self._task.backbone.modules() if isinstance(module, nn.Embedding)]
        hooks = [module.register_forward_hook(note) for module in tables]
        try:
            with torch.no_grad():
                self._scores(ids)
        finally:
            for hook in hooks:
                hook.remove()
        if not found:
            raise GraftError(f"No embedding of this {type(self._task.backbone).__name__} takes `input_ids` in.")
        return found[0]


def _by_place(
    offsets: list[tuple[int, int]], values: list[float], special: list[bool]
) -> tuple[list[tuple[int, int]], list[float]]:
    """Leaves special tokens out, and adds up those of one character that was cut into bytes."""
    spans: list[tuple[int, int]] = []
    summed: list[float] = []
    for (start, end), value, left_out in zip(offsets, values, special, strict=True):
        if left_out:
            continue
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            summed[-1] += value
        else:
            spans.append((start, end))
            summed.append(value)
    return spans, summed
