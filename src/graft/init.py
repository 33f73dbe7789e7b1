"""`graft init`: a project of one's own, with its own name, of a clone."""

import sys

from graft.config.locate import configs_dir
from graft.errors import ConfigError
from graft.renaming.asking import check_name, understood
from graft.renaming.making import check_clone, check_target, make


def init(words: list[str]) -> None:
    """Makes the project, and says what to do next, see `graft init --help`.

    Raises:
        ConfigError: The name or the folder cannot be taken; nothing was written.
        GraftError: There is no clone with all of it committed, or the extra is missing; nothing was written.
    """
    wish = understood(words)
    clone = configs_dir().parent
    check_clone(clone)
    check_name(wish.name, clone)
    target = (wish.into or clone.parent / wish.name).absolute()
    check_target(target, clone)
    if wish.asks and not sys.stdin.isatty():
        raise ConfigError("graft init asks questions, and there is no terminal to answer in: add --defaults.")
    committed = make(clone, target, wish.name, wish.asks)
    print(f"{target} is a project of its own: {wish.name}.\n\nNext:\n  cd {target}")
    if not committed:
        print('  git add --all && git commit -m "A project of its own"    # git did not know whose commit it is')
    print(f"  uv run {wish.name} train debug=fast\n  uv run pytest\n\nLater, changes of Graft come with")
    print("  uv run --extra init copier update --trust --defaults --vcs-ref HEAD")
