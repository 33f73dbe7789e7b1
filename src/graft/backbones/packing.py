"""Tokens of texts apart from what pads a batch, so that they can be kept and put into other batches."""

from torch import Tensor, arange


def packed(states: Tensor, mask: Tensor) -> Tensor:
    """Returns each text's own states first, and zeros behind them.

    Args:
        states: `(batch, tokens, …)`.
        mask: `(batch, tokens)`, 0 where a text is padded.
    """
    there = states.new_zeros(states.shape)
    there[_first(mask, mask.shape[1])] = states[mask.bool()]
    return there


def spread(states: Tensor, mask: Tensor) -> Tensor:
    """Returns states where the texts of a batch have their tokens, `(batch, tokens, …)`, and zeros elsewhere.

    Args:
        states: `(batch, most, …)`, each text's own first; there may be more places than the longest needs.
        mask: `(batch, tokens)`, 0 where a text is padded.
    """
    there = states.new_zeros((*mask.shape, *states.shape[2:]))
    there[mask.bool()] = states[_first(mask, states.shape[1])]
    return there


def _first(mask: Tensor, places: int) -> Tensor:
    """As many of the places as the text has tokens, bool `(batch, places)`."""
    return arange(places, device=mask.device) < mask.sum(dim=1, keepdim=True)
