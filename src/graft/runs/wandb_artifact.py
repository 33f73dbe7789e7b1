"""The best checkpoint as an artifact of Weights & Biases: a small run folder, which `graft predict` takes as it is."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from graft.runs.folder import RunFolder
from graft.runs.status import read_status


def checkpoint_artifact(experiment: Any, run: RunFolder) -> tuple[Any, list[str]]:
    """Returns the artifact and its aliases.

    It holds the best checkpoint and what it takes to rebuild the network: configuration, classes, summary and status.
    The versions of one run are a collection of their own, `model-<id>`, as W&B's users know it from Lightning, so that
    `best` is never another run's.

    Args:
        experiment: The W&B run.
        run: A folder with a best checkpoint and a summary.
    """
    import wandb

    cfg, summary = run.load_config(), run.load_summary()
    scores = {key: value for key, value in summary.items() if key.startswith(("val/", "test/"))}
    told = {"monitor": cfg.monitor, "mode": cfg.mode, "value": summary.get(cfg.monitor), "seed": cfg.seed, **scores}
    artifact = wandb.Artifact(f"model-{experiment.id}", type="model", metadata=told)
    best = run.checkpoints / "best.ckpt"
    artifact.add_file(
        str(_lasting(best, run.path / "wandb") if experiment.offline else best),
        name="checkpoints/best.ckpt",
        policy="immutable",  # no second copy in the staging folder
    )
    over = run.path / "wandb" / "status.json"
    read_status(run.status).end(None).write(over)  # what the run's own will be in a moment
    for path in (run.config, run.data, run.summary, over):
        artifact.add_file(str(path), name=path.name)
    return artifact, ["best", re.sub(r"[^\w.-]+", "-", str(cfg.name))]


def _lasting(checkpoint: Path, folder: Path) -> Path:
    """The same file under a name that no later epoch takes, for a `wandb sync` after the run went on.

    A hard link takes no room. Where a file system has none, a copy.
    """
    lasting = folder / f"best_{checkpoint.stat().st_mtime_ns}.ckpt"
    if not lasting.exists():
        try:
            os.link(checkpoint, lasting)
        except OSError:
            shutil.copyfile(checkpoint, lasting)
    return lasting
