"""The end of a run with an experiment tracker; nothing heavy is imported here."""

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def finishing_trackers() -> Iterator[None]:
    """Ends what trackers have begun in the block; at Weights & Biases, where the block raised, as failed."""
    try:
        yield
    except BaseException:
        finish_wandb(exit_code=1)
        finish_trackio()
        raise
    finish_wandb()
    finish_trackio()


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


def finish_trackio() -> None:
    """Ends the Trackio run of this process, where there is one: what its thread still holds is written."""
    trackio = sys.modules.get("trackio")
    # Trackio warns of what it cannot write; what it raises is that there is no run. It prints that it is at work.
    if trackio is not None:
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            trackio.finish()
