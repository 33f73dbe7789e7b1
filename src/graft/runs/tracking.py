"""The end of a run with an experiment tracker; nothing heavy is imported here."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def finishing_wandb() -> Iterator[None]:
    """Ends the Weights & Biases run that was begun in the block, as finished or, where it raised, as failed."""
    try:
        yield
    except BaseException:
        finish_wandb(exit_code=1)
        raise
    finish_wandb()


def finish_wandb(exit_code: int = 0) -> None:
    """Ends the Weights & Biases run of this process, where there is one; to be called in a `finally`.

    Args:
        exit_code: 0 shows the run as finished, another number as failed.
    """
    wandb = sys.modules.get("wandb")  # not imported for this: most commands never need it
    if wandb is None or wandb.run is None:
        return
    run, offline_files = wandb.run, Path(wandb.run.dir).parent
    try:
        run.finish(exit_code=exit_code)
    except Exception as error:  # the run folder has everything; no training is lost, no stop is hidden by its tracker
        _LOG.warning("Weights & Biases did not finish the run: %s", error)
    if run.offline:
        # A resumed run has such a folder for each start.
        folders = " ".join(map(str, sorted(offline_files.parent.glob(f"offline-run-*-{run.id}"))))
        _LOG.info("Weights & Biases, offline: send the run with `wandb sync %s`", folders)
