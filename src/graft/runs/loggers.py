"""Experiment trackers as configs/logger/ names them: Weights & Biases, TensorBoard and Trackio."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

from graft.errors import GraftError
from graft.runs.atomic import write_text
from graft.runs.folder import RunFolder
from graft.runs.rank import rank
from graft.runs.tracking import finish_wandb
from graft.runs.wandb_links import link
from graft.runs.wandb_run import WandbRun, show_best_of
from graft.runs.wandb_start import resolved, start


def wandb_logger(
    project: str,
    entity: str | None,
    name: str,
    save_dir: str,
    mode: str,
    tags: Mapping[str, bool],
    group: str | None = None,  # from here on: absent in the configs of older runs, which are gone on with as they began
    job_type: str | None = None,
    monitor: str | None = None,
    goal: str | None = None,
    watch: str | None = None,
    watch_every: int = 100,
    checkpoint: bool | str = False,
    code: bool = False,
    links: str | None = None,
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
        group: What runs are grouped by; auto: the sweep that the run belongs to, Graft's or W&B's own.
        job_type: What the run does; auto: `trial` in a sweep, else `train`.
        monitor: The metric of which W&B's table shows the best value beside the last.
        goal: Whether `max` or `min` is its best.
        watch: Histograms of `gradients`, `parameters` or `all` of what learns; None: of nothing.
        watch_every: Batches between two histograms.
        checkpoint: Whether the best checkpoint is kept as an artifact; auto: unless the run belongs to a sweep.
        code: Whether the package's Python files are kept as an artifact, those aside that hold a secret.
        links: A folder that gets a link to the run's files beside those of all other runs, or None.

    Raises:
        GraftError: When a run was asked to be online and there is no key, or the key is wrong.
    """
    if rank() != 0:  # Lightning gives the other processes a logger that does nothing
        return WandbLogger(project=project, name=name, save_dir=save_dir)
    finish_wandb()  # one run a job: a second job in this process would write into the first one's
    # Artifacts are staged in the user's home otherwise, which may be small or read-only.
    os.environ["WANDB_DATA_DIR"] = str(Path(save_dir).absolute() / "wandb")
    sweep = os.environ.get("WANDB_SWEEP_ID") or _sweep(save_dir)
    options: dict[str, Any] = {
        "project": project,
        "entity": entity,
        "name": name,
        "dir": save_dir,
        "id": _run_id(Path(save_dir) / "wandb"),
        "tags": [tag for tag, is_set in tags.items() if is_set],
        "group": sweep if group == "auto" else group,
        "job_type": ("trial" if sweep else "train") if job_type == "auto" else job_type,
    }
    run = start(options, resolved(mode))
    show_best_of(run, monitor, goal)
    if links is not None and not run.disabled:
        link(run, Path(links).expanduser())
    return WandbRun(
        experiment=run,
        project=project,
        name=name,
        save_dir=save_dir,
        watch=watch,
        watch_every=watch_every,
        keeps_checkpoint=not sweep if checkpoint == "auto" else bool(checkpoint),
        keeps_code=code,
    )


def tensorboard_logger(save_dir: str) -> TensorBoardLogger:
    """Writes TensorBoard event files into `<save_dir>/tensorboard`.

    Args:
        save_dir: The run folder.

    Raises:
        GraftError: When TensorBoard is not installed.
    """
    _require("tensorboard")
    return TensorBoardLogger(save_dir, name="", version="tensorboard")


def trackio_logger(project: str, name: str, group: str | None, save_dir: str, folder: str) -> Logger:
    """Writes into Trackio's database of a project, which all its runs share; `finish_trackio` ends the run.

    A run that is gone on with keeps its name there, which lies in `<save_dir>/trackio`.

    Args:
        project: The project.
        name: What the name of the run there begins with; a few letters make it one of its own.
        group: What runs are grouped by; auto: the sweep that the run belongs to.
        save_dir: The run folder.
        folder: Where the databases lie.

    Raises:
        GraftError: When Trackio is not installed, or takes no such project.
    """
    _require("trackio")
    from graft.runs.trackio_run import TrackioRun

    unique = _kept(Path(save_dir) / "trackio", f"{name}_{token_hex(3)}") if rank() == 0 else name
    return TrackioRun(project, unique, _sweep(save_dir) if group == "auto" else group, Path(folder))


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise GraftError(f"logger={package} needs a package that is not installed: pip install 'graft[{package}]'")


def _sweep(save_dir: str) -> str | None:
    sweep: str | None = RunFolder(save_dir).load_environment()["sweep"]
    return sweep


def _run_id(folder: Path) -> str:
    """The run's own, or, under `wandb agent`, the one by which the sweep knows it."""
    given = os.environ.get("WANDB_RUN_ID") if os.environ.get("WANDB_SWEEP_ID") else None
    return _kept(folder / "run_id", given or token_hex(6))


def _kept(path: Path, text: str) -> str:
    """What the file holds; where there is none, the text, which is written."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return path.read_text(encoding="utf-8").strip()
