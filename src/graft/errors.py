"""What a user did wrong, in the user's words; nothing heavy is imported here."""

import difflib
from collections.abc import Iterable


class GraftError(Exception):
    """A mistake or a mishap that the user can mend: printed as one message, never as a traceback.

    The message names the file, the key or the tensor concerned and says what to do.
    """

    exit_code = 1


class NotFiniteError(GraftError):
    """The loss became NaN or infinite."""


class ConfigError(GraftError):
    """The configuration is wrong; nothing was started."""

    exit_code = 2


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. Not an `Exception`, so that no handler on the way up swallows it.

    Not a `KeyboardInterrupt` either: Lightning turns that one into `sys.exit(1)`.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.signum = signum

    def __reduce__(self) -> tuple[type["Interrupted"], tuple[int]]:
        """Lets a launcher's process hand it over as it is."""
        return Interrupted, (self.signum,)

    @property
    def exit_code(self) -> int:
        """The shell's convention: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.signum


def many(count: int, what: str) -> str:
    """Returns `"1 image"`, `"2 images"`, `"1,000 images"`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Returns `" Did you mean 'lr'?"` (or two or three such names), or an empty string when nothing is near."""
    written = {name.lower(): name for name in sorted(set(choices), reverse=True)}  # case is what is mistaken most
    near = [written[name] for name in difflib.get_close_matches(word.lower(), written, n=3, cutoff=0.5)]
    if not near:
        return ""
    return " Did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
