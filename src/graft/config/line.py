"""A command line, read as Hydra reads it."""

from dataclasses import dataclass
from typing import Any

from hydra._internal.utils import get_args_parser

from graft.config.overrides import open_mapping, parse, quote_paths, quote_plain


@dataclass(frozen=True)
class Line:
    """What stands behind a command's name.

    Attributes:
        command: The name.
        overrides: `key=value`; a path in `folder_key` is quoted, and so is what can be nothing but text.
        flags: Everything else, `-m` and the like.
        parsed: Hydra's reading of the flags.
        folder_key: The key that names an old run, or the folder to make.
    """

    command: str
    overrides: list[str]
    flags: list[str]
    parsed: Any
    folder_key: str

    @property
    def runs(self) -> bool:
        """Whether jobs are to run: neither help nor information is asked for."""
        asked = self.parsed
        return not (asked.help or asked.hydra_help or asked.cfg or asked.info or asked.shell_completion)

    @property
    def sweeps(self) -> bool:
        """Whether the overrides may hold several values."""
        return bool(self.parsed.multirun) or "hydra.mode=MULTIRUN" in self.overrides or _chooses_search(self.overrides)

    @property
    def searches(self) -> bool:
        """Whether a search is chosen, `sweep=tpe`."""
        return _chooses_search(self.overrides)

    @property
    def folder(self) -> str | None:
        """The folder that the line names, or `None`.

        Raises:
            ConfigError: An override cannot be read.
        """
        named = [override.value() for override in parse(self.overrides) if override.key_or_group == self.folder_key]
        return None if not named or named[-1] is None else str(named[-1])


def read_line(command: str, argv: list[str], folder_key: str) -> Line:
    """Reads the words behind a command's name; overrides may also stand behind flags (`a=1 --multirun b=2`).

    Raises:
        SystemExit: A flag is unknown; the usage was printed.
    """
    parsed = get_args_parser().parse_intermixed_args(argv)
    flags = list(argv)
    for override in parsed.overrides:
        flags.remove(override)
    quoted = quote_plain(quote_paths(parsed.overrides, folder_key))
    overrides = open_mapping(quoted, "datamodule.options")
    line = Line(command, overrides, flags, parsed, folder_key)
    if line.runs and _chooses_search(overrides) and not parsed.multirun:
        line.flags.append("--multirun")
    return line


def _chooses_search(overrides: list[str]) -> bool:
    """Whether `sweep=tpe` stands there: it means a sweep by itself. A process that a run has started is told `RUN`."""
    chosen = [override.partition("=")[2] for override in overrides if override.startswith("sweep=")]
    return bool(chosen) and chosen[-1] not in ("null", "") and "hydra.mode=RUN" not in overrides
