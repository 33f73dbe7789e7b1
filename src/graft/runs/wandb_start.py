"""How a Weights & Biases run begins: it never asks anything, and goes on offline where there is no server."""

import contextlib
import logging
import os
import re
import socket
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from graft.errors import GraftError
from graft.runs.environment import code_folder, git_address, git_commit
from graft.runs.secrets import redact

_LOG = logging.getLogger(__name__)
_MODES = ("online", "offline", "disabled")
_PATIENCE = 30  # seconds that a server may take to open a run, before it is kept offline


def resolved(mode: str) -> str:
    """Returns the mode for W&B, one in which it has nothing to ask: online, offline or disabled.

    Raises:
        GraftError: A run was asked to be online and there is no key, or it cannot be one; or there is no such mode.
    """
    asked = os.environ.get("WANDB_MODE", "auto") if mode == "auto" else mode
    asked = "offline" if asked == "dryrun" else asked  # W&B's old word
    if asked == "auto":
        return "online" if _has_key() else "offline"
    if asked not in _MODES:
        raise GraftError(f"WANDB_MODE or logger.wandb.mode is {asked!r}; it is auto, {', '.join(_MODES)}")
    if asked == "online" and not _has_key():
        raise GraftError(
            "Weights & Biases is to be online but has no key; set WANDB_API_KEY (in .env), or use `wandb login`, "
            "or logger.wandb.mode=offline"
        )
    return asked


def start(options: dict[str, Any], mode: str) -> Any:
    """Begins a run with `wandb.init`; where the server cannot be reached, offline, with a warning.

    Args:
        options: Of `wandb.init`.
        mode: As `resolved` returns it.

    Raises:
        GraftError: The key is wrong, or W&B refuses the options.
    """
    import wandb

    if mode == "online" and not answers():
        _LOG.warning("%s cannot be reached: Weights & Biases goes on offline", _server())
        mode = "offline"
    try:
        return _init(options, mode)
    except wandb.errors.AuthenticationError as error:
        raise _bad_key(error) from error
    except wandb.errors.CommError as error:
        if re.search("error 40[13]|permission denied", str(error), re.IGNORECASE):
            raise _bad_key(error) from error
        _LOG.warning("Weights & Biases goes on offline: %s", error)
        wandb.teardown()  # its service still holds the id of the run that it could not start
        return _init(options, "offline")
    except wandb.errors.UsageError as error:
        raise GraftError(f"Weights & Biases refuses the run: {error}; see the keys of logger.wandb") from error


def answers() -> bool:
    """Returns whether W&B's server takes connections; takes at most 5 seconds to know."""
    return _reachable(_server())


def _init(options: dict[str, Any], mode: str) -> Any:
    import wandb

    commit = git_commit(code_folder())
    settings = wandb.Settings(
        # W&B would find them, but leaves the key in an address such as https://key:x-oauth-basic@….
        disable_git=commit is None,
        git_commit=commit,
        git_remote_url=git_address(code_folder()),
        console="off",  # train.log has it, without secrets
        save_code=False,
        x_save_requirements=options.get("job_type") != "trial",  # half a second each; environment.json has the versions
        init_timeout=_PATIENCE,
        silent=mode != "online",  # online it prints where to look
    )
    with _redacted_arguments():
        return wandb.init(mode=mode, resume="allow" if mode == "online" else None, settings=settings, **options)  # type: ignore[arg-type]


@contextlib.contextmanager
def _redacted_arguments() -> Iterator[None]:
    """W&B records the command line as it finds it."""
    arguments = sys.argv
    sys.argv = [redact(argument) for argument in arguments]
    try:
        yield
    finally:
        sys.argv = arguments


def _has_key() -> bool:
    """Whether W&B finds a key for its server, by its own rules, without asking for one."""
    import wandb
    from wandb.sdk.lib.wbauth import authenticate_session

    try:
        found = authenticate_session(host=_server(), source="graft", prompt=False, update_session=False)
    except wandb.errors.AuthenticationError as error:
        raise _bad_key(error) from error
    return found is not None


def _bad_key(error: Exception) -> GraftError:
    return GraftError(
        f"Weights & Biases does not take the key for {_server()} ({error}); mend WANDB_API_KEY or `wandb login` again, "
        "or go on without it: logger.wandb.mode=offline"
    )


def _server() -> str:
    import wandb

    return os.environ.get("WANDB_BASE_URL") or str(wandb.setup().settings.base_url)


def _reachable(url: str) -> bool:
    """Whether a server takes connections: known in seconds, where W&B itself tries for half a minute and more."""
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies():  # only W&B itself can tell then
        return True
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 443), timeout=5):
            return True
    except OSError:
        return False
