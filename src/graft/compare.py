"""`graft compare`: many runs beside each other, in a table, as CSV and on one page."""

from contextlib import nullcontext

from graft.comparing.asking import understood
from graft.comparing.beside import process_beside
from graft.comparing.finding import run_folders

_WORTH_A_PROCESS = 50  # runs


def compare(words: list[str]) -> str:
    """Does what the words say, see `graft compare --help`.

    Returns:
        What is to be printed; the files are written before.

    Raises:
        ConfigError: The words say nothing that can be done.
        GraftError: No run can be read, or a file cannot be written.
    """
    asked = understood(words)
    folders, refused = run_folders(asked.folders)
    beside = process_beside() if asked.html and len(folders) >= _WORTH_A_PROCESS else nullcontext()
    with beside as process:
        from graft.comparing.outcome import outcome  # takes its time too

        return outcome(asked, folders, refused, process)
