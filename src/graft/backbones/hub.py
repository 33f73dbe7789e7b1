"""Pretrained models from the Hugging Face hub, or a clear word about what to fetch by hand."""

from pathlib import Path

import timm
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

from graft.errors import GraftError

TENSORS = ("model.safetensors", "pytorch_model.bin")
_TOKENIZER = ("tokenizer*", "*tokens*.json", "vocab*", "merges*", "sp*.model", "sentencepiece*")
_SECONDS = 5.0  # to wait for the hub's first answer


def weights_file(model: str) -> Path:
    """Returns the local file of a timm model's pretrained weights, fetched when it is not in the hub's cache.

    Raises:
        GraftError: timm has no weights for the model, or the hub cannot be reached.
    """
    config = timm.get_pretrained_cfg(model)
    if config is None or not config.hf_hub_id:
        raise GraftError(f"timm knows no weights of {model} on the hub: use backbone.weights=none or a file.")
    found = _tensors(config.hf_hub_id)
    if found is None:
        raise GraftError(
            f"The weights of {model} are not in the local cache and the hub cannot be reached. On a machine with"
            f" network, download {TENSORS[0]} of https://huggingface.co/{config.hf_hub_id}, put it anywhere on this"
            " machine and start with backbone.weights=<that file>; or take random weights with backbone.weights=none."
        )
    return found


def model_folder(model: str, with_tensors: bool) -> Path:
    """Returns the local folder of a model: its configuration, its tokenizer and, if wanted, its weights.

    Args:
        model: An id on the hub.
        with_tensors: Whether the weights are needed.

    Raises:
        GraftError: There is no such model, or the hub cannot be reached.
    """
    config = try_to_load_from_cache(model, "config.json")
    if isinstance(config, str) and (not with_tensors or tensors_in(Path(config).parent)):
        return Path(config).parent
    try:
        get_hf_file_metadata(hf_hub_url(model, "config.json"), timeout=_SECONDS)  # briefly first, as below
        folder = Path(snapshot_download(model, allow_patterns=["config.json", *_TOKENIZER]))
    except RepositoryNotFoundError as error:
        raise GraftError(f"backbone.model={model} is neither a folder nor a model on the hub.") from error
    except Exception as error:
        raise GraftError(
            f"backbone.model={model} is neither a folder nor in the local cache, and the hub cannot be reached. On a"
            f" machine with network, download config.json, the tokenizer's files and {TENSORS[0]} of"
            f" https://huggingface.co/{model} into one folder, put it anywhere on this machine and start with"
            " backbone.model=<that folder>."
        ) from error
    if with_tensors:
        _tensors(model)
    return folder


def tensors_in(folder: Path) -> Path | None:
    """Returns the weights file of a model's folder."""
    return next((folder / name for name in TENSORS if (folder / name).is_file()), None)


def _tensors(repository: str) -> Path | None:
    """The weights file of a repository; `None` when it is not here and the hub cannot be reached."""
    for name in TENSORS:
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Path(cached)
    for name in TENSORS:
        try:  # asked once and briefly first: hf_hub_download retries for half a minute where there is no network
            get_hf_file_metadata(hf_hub_url(repository, name), timeout=_SECONDS)
            return Path(hf_hub_download(repository, name))
        except EntryNotFoundError:
            continue
        except Exception:  # each version of the hub's library brings other network errors
            return None
    raise GraftError(f"The hub's {repository} holds none of {', '.join(TENSORS)}.")
