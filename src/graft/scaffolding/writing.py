"""Files that appear all or none, and never in the place of another."""

from collections.abc import Mapping
from pathlib import Path

from graft.errors import ConfigError, GraftError


def write(project: Path, texts: Mapping[str, str]) -> None:
    """Writes new files.

    Args:
        project: The folder that the paths begin at.
        texts: By path.

    Raises:
        ConfigError: One of them is there; then none is written.
        GraftError: A file cannot be written; then none stays.
    """
    if there := [name for name in texts if (project / name).exists()]:
        raise ConfigError(f"{there[0]} is there already: take another name, or remove the file.")
    written: list[Path] = []
    try:
        for name, text in texts.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except BaseException as error:
        for path in written:
            path.unlink()
        if isinstance(error, OSError):
            raise GraftError(f"{error.filename or project} cannot be written: {error.strerror}") from error
        raise
