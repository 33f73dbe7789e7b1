"""Experiment trackers: Weights & Biases, which never asks anything, and TensorBoard."""

import contextlib
import importlib.util
import logging
import os
import re
import socket
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from graft.errors import GraftError
from graft.runs.atomic import write_text
from graft.runs.rank import rank
from graft.runs.secrets import redact
from graft.runs.tracking import finish_wandb

_LOG = logging.getLogger(__name__)
_MODES = ("online", "offline", "disabled")
_PATIENCE = 30  # seconds that a server may take to open a run, before it is kept offline


def wandb_logger(
    project: str, entity: str | None, name: str, save_dir: str, mode: str, tags: Mapping[str, bool]
) -> WandbLogger:
    """Starts a Weights & Biases run; `finish_wandb` ends it.

    A run that is gone on with keeps its id, which lies in `<save_dir>/wandb/run_id`. Where the server cannot be
    reached, the run goes on offline, with a warning.

    Args:
        project: The W&B project.
        entity: The W&B user or team; None for the key's own.
        name: The name of the run.
        save_dir: The run folder; W&B writes into its subfolder `wandb`.
        mode: online, offline, or auto: what WANDB_MODE says, else online where there is a key (WANDB_API_KEY or
            `wandb login`), else offline.
        tags: Tags; those that are true are set.

    Raises:
        GraftError: When a run was asked to be online and there is no key, or the key is wrong.
    """
    if rank() != 0:  # Lightning gives the other processes a logger that does nothing
        return WandbLogger(project=project, name=name, save_dir=save_dir)
    finish_wandb()  # one run a job: a second job in this process would write into the first one's
    # Artifacts are staged in the user's home otherwise, which may be small or read-only.
    os.environ["WANDB_DATA_DIR"] = str(Path(save_dir) / "wandb")
    options: dict[str, Any] = {
        "project": project,
        "entity": entity,
        "name": name,
        "dir": save_dir,
        "id": _run_id(Path(save_dir)),
        "tags": [tag for tag, is_set in tags.items() if is_set],
    }
    run = _start(options, _resolve(mode))
    # What WandbLogger does with a run that it starts itself.
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return WandbLogger(project=project, name=name, save_dir=save_dir, id=run.id, experiment=run, log_model=False)


def tensorboard_logger(save_dir: str) -> TensorBoardLogger:
    """Writes TensorBoard event files into `<save_dir>/tensorboard`.

    Args:
        save_dir: The run folder.

    Raises:
        GraftError: When TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise GraftError("logger=tensorboard needs a package that is not installed: pip install 'graft[tensorboard]'")
    return TensorBoardLogger(save_dir, name="", version="tensorboard")


def _start(options: dict[str, Any], mode: str) -> Any:
    import wandb

    if mode == "online" and not _reachable(_server()):
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


def _init(options: dict[str, Any], mode: str) -> Any:
    import wandb

    settings = wandb.Settings(
        console="off",  # train.log has it, without secrets
        save_code=False,
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


def _resolve(mode: str) -> str:
    """The mode for W&B: one in which it has nothing to ask."""
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


def _run_id(save_dir: Path) -> str:
    path = save_dir / "wandb" / "run_id"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, token_hex(6))
    return path.read_text(encoding="utf-8").strip()
