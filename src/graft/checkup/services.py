"""Servers that a run talks to: Weights & Biases and the model hub. No key is ever shown."""

import os
from collections.abc import Iterator

from graft.checkup.finding import Finding, fine, warning, wrong
from graft.errors import GraftError


def tracker(mode: str | None) -> Iterator[Finding]:
    """Yields how Weights & Biases would keep a run.

    Args:
        mode: `logger.wandb.mode`; None where there is no such logger.
    """
    if mode is None:
        yield fine("Weights & Biases", "not chosen: logger.wandb is off")
        return
    from graft.runs.wandb_start import answers, resolved

    try:
        found = resolved(mode)
    except GraftError as error:
        yield wrong("Weights & Biases", "cannot start", str(error))
        return
    if found != "online":
        yield fine(
            "Weights & Biases", f"{found}: runs stay in their folders; online with WANDB_API_KEY or `wandb login`"
        )
    elif answers():
        yield fine("Weights & Biases", "online, with a key")
    else:
        advice = "look at the network, or take logger.wandb.mode=offline"
        yield warning(
            "Weights & Biases", "online, with a key, but the server cannot be reached: runs stay offline", advice
        )


def hub(weights: str | None) -> Iterator[Finding]:
    """Yields whether pretrained weights may be fetched.

    Args:
        weights: `backbone.weights`.
    """
    from huggingface_hub import constants

    token = "with a token" if os.environ.get("HF_TOKEN") else "without a token"
    flags = [name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name)]
    if not constants.HF_HUB_OFFLINE:
        yield fine("model hub", f"not forbidden, and not tried; {token}, kept in {constants.HF_HUB_CACHE}")
    elif weights == "hub":
        advice = f"unset {' and '.join(flags)}, or give backbone.weights=<file>, unless it is there"
        yield warning("model hub", f"offline, so the weights have to lie in {constants.HF_HUB_CACHE}", advice)
    else:
        yield fine("model hub", f"offline ({', '.join(flags)}); what is kept lies in {constants.HF_HUB_CACHE}")
