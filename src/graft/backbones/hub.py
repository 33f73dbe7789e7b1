"""Weights of timm from the Hugging Face hub, or a clear word about what to fetch by hand."""

from pathlib import Path

import timm
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError

from graft.errors import GraftError

_FILES = ("model.safetensors", "pytorch_model.bin")
_SECONDS = 5.0  # to wait for the hub's first answer


def weights_file(model: str) -> Path:
    """Returns the local file of a model's pretrained weights, fetched when it is not in the hub's cache.

    Raises:
        GraftError: timm has no weights for the model, or the hub cannot be reached.
    """
    config = timm.get_pretrained_cfg(model)
    if config is None or not config.hf_hub_id:
        raise GraftError(f"timm knows no weights of {model} on the hub: use backbone.weights=none or a file.")
    for name in _FILES:
        cached = try_to_load_from_cache(config.hf_hub_id, name)
        if isinstance(cached, str):
            return Path(cached)
    for name in _FILES:
        try:  # asked once and briefly first: hf_hub_download retries for half a minute where there is no network
            get_hf_file_metadata(hf_hub_url(config.hf_hub_id, name), timeout=_SECONDS)
            return Path(hf_hub_download(config.hf_hub_id, name))
        except EntryNotFoundError:
            continue
        except Exception as error:  # each version of the hub's library brings other network errors
            raise _unreachable(config.hf_hub_id, model) from error
    raise GraftError(f"The hub's {config.hf_hub_id} holds none of {', '.join(_FILES)}.")


def _unreachable(repository: str, model: str) -> GraftError:
    return GraftError(
        f"The weights of {model} are not in the local cache and the hub cannot be reached. On a machine with network,"
        f" download {_FILES[0]} of https://huggingface.co/{repository}, put it anywhere on this machine and start with"
        " backbone.weights=<that file>; or take random weights with backbone.weights=none."
    )
