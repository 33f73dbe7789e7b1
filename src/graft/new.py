"""`graft new`: a dataset, backbone, strategy, task or experiment of one's own, as files with a test."""

from pathlib import Path

from graft.config.locate import configs_dir
from graft.errors import GraftError
from graft.scaffolding.asking import Wish, understood
from graft.scaffolding.templates import files, what_next
from graft.scaffolding.writing import write


def new(words: list[str]) -> None:
    """Writes what the words ask for, and says what to do next, see `graft new --help`.

    Raises:
        ConfigError: They cannot be understood, or a file is there already.
        GraftError: There is no clone to write into.
    """
    wish = understood(words)
    texts = files(wish)
    write(_clone(wish), texts)
    print("\n".join(f"wrote {name}" for name in texts))
    *_, test = texts
    advice = what_next(wish)
    print(f"\nNext{f': {advice}, then' if advice else ':'}\n  {_command(wish)}\n  uv run pytest -n0 {test}")


def _clone(wish: Wish) -> Path:
    """The folder that configs/, src/ and tests/ lie in."""
    project = configs_dir().parent
    if (project / "pyproject.toml").is_file() and (project / "tests").is_dir():
        return project
    raise GraftError(
        f"graft new {wish.kind} writes into a clone, but Graft is installed as a package here, in {project}: an update"
        " would remove your files. Clone Graft, make it your own with `graft init`, and try again there. A YAML file"
        f" alone may lie anywhere, as <folder>/{wish.kind}/{wish.name}.yaml, for"
        f" `graft train --config-dir <folder> {wish.kind}={wish.name}`."
    )


def _command(wish: Wish) -> str:
    beside = {"text_table": " backbone=minilm", "transformers": " datamodule=text_table datamodule.path=tickets.csv"}
    return f"graft train {wish.kind}={wish.name}{beside.get(wish.base, '')}"
