"""Tab completion: the command's name here, everything behind it by Hydra."""

from collections.abc import Iterable, MutableMapping

_LINE = "COMP_LINE"  # where bash, zsh and fish put what was typed so far


def complete(commands: Iterable[str], environ: MutableMapping[str, str]) -> str | None:
    """Answers the shell's question, or makes it one that Hydra can answer.

    Hydra knows programs without commands: the command's name is taken out of the line in `environ`.

    Args:
        commands: The names of all commands.
        environ: The environment; changed in place.

    Returns:
        The command that Hydra is to complete for, or `None` when the names of the commands were printed.
    """
    program, _, rest = environ.get(_LINE, "").lstrip().partition(" ")
    command, space, arguments = rest.lstrip().partition(" ")
    if space and command in commands:
        environ[_LINE] = f"{program} {arguments}"
        return command
    print(" ".join(name for name in sorted(commands) if not space and name.startswith(command)))
    return None
