"""A report at the end of every run, however it ends; nothing heavy is imported before."""

import contextlib
import logging
from collections.abc import Iterator

from graft.runs.folder import RunFolder
from graft.runs.rank import rank

_LOG = logging.getLogger(__name__)


@contextlib.contextmanager
def reporting(run: RunFolder) -> Iterator[None]:
    """Writes `report.html` after the block, unless the run was over before it had read its data.

    A report that cannot be made is warned of: it hides no error of the run, and no result is lost with it.
    """
    try:
        yield
    finally:
        if rank() == 0 and run.data.exists():
            try:
                from graft.reports.page import write_report

                write_report(run)
            except Exception as error:
                _LOG.warning("no report was made: %s: %s", type(error).__name__, error, exc_info=True)
