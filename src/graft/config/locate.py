"""Where the configuration files lie."""

from pathlib import Path


def configs_dir() -> Path:
    """Returns the absolute path of the configs folder.

    A wheel carries the files inside the package; in a checkout they lie beside `src`, where users edit them.
    """
    package = Path(__file__).resolve().parents[1]
    packaged = package / "configs"
    return packaged if packaged.is_dir() else package.parents[1] / "configs"
