"""A run at Trackio: a database in a folder, shown in the browser, without an account and without a network."""

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only

from graft.errors import GraftError
from graft.runs.rank import rank

_LOG = logging.getLogger(__name__)
_ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")  # would send the run away; `trackio sync` does so when asked


class TrackioRun(Logger):
    """Writes metrics, by optimizer steps, and the configuration into a project's database.

    Trackio writes in a thread of its own, twice a second. A run whose name the project knows is gone on with.

    Args:
        project: The project.
        name: The run's name, which no other run of the project has.
        group: What runs are grouped by, or None.
        folder: Where the databases lie; the same for all runs of a process.

    Raises:
        GraftError: Trackio takes no such project.
    """

    def __init__(self, project: str, name: str, group: str | None, folder: Path) -> None:
        super().__init__()
        self._project, self._name = project, name
        self._run: Any = None
        if rank() == 0:
            self._run = _begin(project, name, group, folder.expanduser().absolute())

    @property
    def name(self) -> str:
        """The project."""
        return self._project

    @property
    def version(self) -> str:
        """The run's name."""
        return self._name

    @property
    def experiment(self) -> Any:
        """Trackio's run; None in all processes but the first, and where it could not begin."""
        return self._run

    @rank_zero_only
    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Adds to the configuration, which goes into the database with the first metrics."""
        if self._run is not None:
            self._run.config.update(params)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Hands metrics of one step to the thread that writes them."""
        if self._run is not None:
            self._run.log(dict(metrics), step=step)


def _begin(project: str, name: str, group: str | None, folder: Path) -> Any:
    """Trackio's run, or None, with a warning, where it could not begin: no training is lost by its tracker."""
    if "trackio" not in sys.modules:
        os.environ["TRACKIO_DIR"] = str(folder)  # read once, when it is imported
    import trackio
    from trackio.sqlite_storage import SQLiteStorage
    from trackio.utils import TRACKIO_DIR

    if folder != TRACKIO_DIR:
        _LOG.warning("Trackio writes into %s: only a new process can write into %s", TRACKIO_DIR, folder)
    try:
        SQLiteStorage.validate_project_name(project)
    except ValueError as error:
        raise GraftError(f"logger.trackio.project: {error}") from error
    try:
        with _locally(), contextlib.redirect_stdout(io.StringIO()):
            run = trackio.init(project, name, group=group, resume="allow", embed=False)
    except Exception as error:
        _LOG.warning("the run is not tracked by Trackio: %s: %s", type(error).__name__, error)
        return None
    _LOG.info("Trackio: `TRACKIO_DIR=%s trackio show --project %s` shows the run %s", TRACKIO_DIR, project, name)
    return run


@contextlib.contextmanager
def _locally() -> Iterator[None]:
    """Trackio asks the model hub for the user's name where it finds a key, and may be told to log to a server."""
    from huggingface_hub import constants

    offline, told = constants.HF_HUB_OFFLINE, {name: os.environ.pop(name, None) for name in _ELSEWHERE}
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        os.environ.update({name: value for name, value in told.items() if value is not None})
