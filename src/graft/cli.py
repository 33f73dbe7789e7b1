"""The door: `graft <command> …`. Nothing heavy is imported before a command begins its work."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from graft.errors import ConfigError, GraftError, Interrupted, did_you_mean
from graft.runs.rank import rank

if TYPE_CHECKING:
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from graft.config.line import Line
    from graft.config.running import Job
    from graft.runs.folder import RunFolder

_COMMANDS = {
    "train": "trains a network on top of a pretrained one and leaves a run folder",
    "evaluate": "scores a finished run again, from its run folder alone",
    "predict": "says what a run's model makes of new images or texts",
    "explain": "shows which places of an image, or words of a text, a run's model looked at",
    "export": "writes a run's model for other programs: ONNX, torch, safetensors, the Hugging Face Hub",
    "demo": "shows on a local page what a run's model says of an image or a text",
    "shard": "writes a dataset as shards, to train from a folder or an object store anywhere",
}
_LISTS = {
    "strategies": "lists the ways to transfer, and what each would train of a backbone",
    "compare": "sets runs and sweeps side by side: a table, as CSV, and on one page",
    "cache": "lists the features and images that are kept for later epochs and runs, checks and prunes them",
    "new": "writes a dataset, backbone, strategy, task or experiment of your own, with its test",
    "init": "makes a project of your own, under your name, of a clone of Graft",
    "doctor": "says what this machine has and lacks for a training, and what to do about it",
}
_APART = {  # where each has its help
    "new": "graft.scaffolding.asking",
    "init": "graft.renaming.asking",
    "doctor": "graft.checkup.asking",
}
_HELP = """\
Graft: transfer learning from pretrained networks.

Usage: graft <command> [key=value …]

{commands}

  graft <command> --help    what the command takes
  graft --version

Start with `graft train`. Tab completion: eval "$(graft -sc install=bash)"
(in zsh too; fish: graft -sc install=fish | source)"""
_CACHE_HELP = """\
Lists the features of frozen backbones and the decoded images that are kept, so that runs and sweeps share them,
and the sizes of texts and their tokens beside them.

Usage: graft cache                          what there is, with sizes
       graft cache verify                   reads all of it and removes what is damaged
       graft cache prune unused_for=30      removes what no run has used for 30 days
       graft cache prune name=3f2a          removes the one whose name begins so
       graft cache prune all

folder=… looks into another folder than graft/features in the user's cache, and leaves texts and tokens alone.
Do not prune all while a run on texts goes on."""
_COMPLETION = ("-sc", "--shell-completion")
_OF_A_RUN = ("evaluate", "predict", "explain", "export", "demo")
_FOLDER_KEYS = {"train": "resume", "shard": "to", **dict.fromkeys(_OF_A_RUN, "run")}  # an old run, or a new folder


def main() -> int:
    """Runs the command line of this process.

    Returns:
        The exit code: 0, or 1 after an error, 2 after a mistake on the command line or in a configuration file,
        130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
        return _dispatch(sys.argv[1:])
    except GraftError as error:
        print(f"error: {_redacted(str(error))}", file=sys.stderr)
        return error.exit_code
    except Interrupted as stop:
        if rank() > 0:  # Lightning kills the first process when another ends otherwise, in the midst of its last words
            return 0
        print(stop, file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        print("stopped by Ctrl-C", file=sys.stderr)
        return 130
    except Exception:
        print(_redacted(traceback.format_exc()), file=sys.stderr, end="")
        return 1


def _redacted(text: str) -> str:
    from graft.runs.secrets import redact

    return redact(text)


def _dispatch(argv: list[str]) -> int:
    command, *rest = argv or ["--help"]
    if command == "help" and rest and rest[0] in {**_COMMANDS, **_LISTS}:
        command, rest = rest[0], ["--help"]
    if command in ("-h", "--help", "help"):
        listed = "\n".join(f"  {name:<12}{does}" for name, does in {**_COMMANDS, **_LISTS}.items())
        print(_HELP.format(commands=listed))
    elif command == "--version":
        from importlib.metadata import version

        print(f"graft {version('graft')}")
    elif command in _COMPLETION:
        _complete([command, *rest])
    elif command == "strategies":
        _list_strategies(rest)
    elif command == "compare":
        _compare(rest)
    elif command == "cache":
        _cache(rest)
    elif command in _APART:
        return _apart(command, rest)
    elif command in _COMMANDS:
        _start(command, rest)
    else:
        raise ConfigError(_unknown(command))
    return 0


def _list_strategies(overrides: list[str]) -> None:
    if overrides and overrides[0] in ("-h", "--help"):
        print("Lists the strategies, and what each would train.\n\nUsage: graft strategies [backbone=resnet18 …]")
        return
    if wrong := [word for word in overrides if "=" not in word]:
        raise ConfigError(f"graft strategies takes overrides such as backbone=resnet18, not {' '.join(wrong)}.")
    from graft.listing import list_strategies

    list_strategies(overrides)


def _cache(words: list[str]) -> None:
    if words and words[0] in ("-h", "--help"):
        with _ending_with_its_reader():
            print(_CACHE_HELP)
        return
    from graft.cache import cache

    cache(words)


def _apart(command: str, words: list[str]) -> int:
    """Starts a command that composes no configuration of its own."""
    if {"-h", "--help"} & set(words) or (not words and command != "doctor"):
        with _ending_with_its_reader():
            print(import_module(_APART[command]).HELP)
        return 0
    from graft.runs.secrets import load_dotenv

    load_dotenv()
    return int(getattr(import_module(f"graft.{command}"), command)(words) or 0)


def _compare(words: list[str]) -> None:
    from graft.comparing.asking import HELP

    if {"-h", "--help"} & set(words):
        said = HELP
    else:
        from graft.compare import compare

        said = compare(words)
    with _ending_with_its_reader():
        print(said)


def _unknown(command: str) -> str:
    names = [*_COMMANDS, *_LISTS]
    if "=" in command:
        return f"'{command}' is no command. Did you mean `graft train {command}`?"
    return f"'{command}' is no command.{did_you_mean(command, names)} There are: {', '.join(names)}."


def _complete(argv: list[str]) -> None:
    """`-sc install=…` prints what the shell is to run; `-sc query=…` answers one press of the tab key."""
    from graft.config.completion import complete
    from graft.config.running import call_hydra

    if not any(argument.startswith("query=") for argument in argv):
        call_hydra("train", argv, _no_job)
    elif command := complete(_COMMANDS, os.environ):
        try:
            call_hydra(command, argv, _no_job)
        except Exception:  # a half-typed line may be wrong in any way, and a message would end up in the prompt
            return


def _no_job(cfg: "DictConfig") -> None:
    raise AssertionError("nothing runs when information is asked for")


def _start(command: str, argv: list[str]) -> None:
    from graft.runs.secrets import load_dotenv

    load_dotenv()
    from graft.config.line import read_line

    line = read_line(command, argv, _FOLDER_KEYS[command])
    if not line.runs:
        _inform(line)
    elif command == "train" and not line.sweeps and line.folder is not None:
        _resume(line)
    else:
        _run(line, line.overrides, _job(command), _check(line))


def _inform(line: "Line") -> None:
    """`--help`, `--cfg job`, `--info`; a mistake is told as it would be told in a run."""
    if line.parsed.help:
        from graft.config.help import help_text

        with _ending_with_its_reader():
            print(help_text(line.command, line.parsed.config_dir))
        return
    from graft.config.explain import as_config_error
    from graft.config.running import call_hydra

    try:
        with _ending_with_its_reader():
            call_hydra(line.command, [*line.overrides, *line.flags], _no_job)
    except Exception as error:
        _check_configuration(line)
        raise (as_config_error(error) or error) from error


@contextmanager
def _ending_with_its_reader() -> Iterator[None]:
    """Lets `graft train --cfg job | head` end as other programs do, without a word."""
    if not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
        sys.stdout.flush()
    finally:
        signal.signal(signal.SIGPIPE, before)


def _check(line: "Line") -> "RunMode | None":
    """Finds mistakes before Hydra makes a folder; returns the mode of a single run."""
    mode = _check_configuration(line)
    if line.command in _OF_A_RUN:
        _open(line)
    elif line.command == "train" and line.folder is not None:
        several = "sweep=…; a sweep goes on by its own command, without resume" if line.searches else "-m"
        raise ConfigError(f"resume goes on with one run: leave out {several}.")
    return mode


def _check_configuration(line: "Line") -> "RunMode | None":
    from hydra.types import RunMode

    from graft.config.compose import check_command_line

    if line.parsed.config_path is not None:  # other files than Graft's; each job is checked all the same
        return None
    mode = check_command_line(
        line.command,
        line.overrides,
        config_name=line.parsed.config_name,
        config_dir=line.parsed.config_dir,
        multirun=line.sweeps,
    )
    return None if line.sweeps else mode or RunMode.RUN


def _open(line: "Line") -> "RunFolder":
    from graft.runs.folder import RunFolder

    if not line.folder:
        raise ConfigError(f"{line.folder_key}= names no run folder.")
    try:
        return RunFolder.open(line.folder)
    except GraftError as error:
        raise ConfigError(f"{line.folder_key}: {error}") from error


def _resume(line: "Line") -> None:
    """Goes on with a run in its own folder.

    Hydra is told the folder only: the run's own configuration counts, and it may hold keys that the default one has
    not. Afterwards the overrides stand where `graft.train` looks for them.
    """
    from hydra.types import RunMode

    from graft.config.overrides import quoted
    from graft.config.resume import resumed_config

    if line.flags:
        raise ConfigError(f"resume goes on with one run: leave out {' '.join(line.flags)}.")
    run = _open(line)
    resumed_config(line.overrides, run.load_config())
    to_hydra = [override for override in line.overrides if override.startswith(("hydra.", "hydra/", "+hydra"))]
    to_graft = [override for override in line.overrides if override not in to_hydra]

    def job(cfg: "DictConfig") -> Any:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf

        from graft.train import train

        overrides = HydraConfig.get().overrides
        OmegaConf.set_readonly(overrides, False)  # type: ignore[arg-type]  # typed as the dataclass behind it
        overrides.task = to_graft
        return train(cfg)

    folder = [f"resume={quoted(str(line.folder))}", f"hydra.run.dir={quoted(str(run.path))}"]
    _run(line, [*folder, *to_hydra], job, RunMode.RUN)


def _job(command: str) -> "Job":
    """Returns the command's own function; it checks the configuration, then imports what it needs."""

    def job(cfg: "DictConfig") -> Any:
        from graft.config.validate import validate

        validate(cfg, command)
        return getattr(import_module(f"graft.{command}"), command)(cfg)

    return job


def _run(line: "Line", overrides: list[str], job: "Job", mode: "RunMode | None") -> None:
    from graft.config.running import run_jobs

    run_jobs(
        line.command,
        [*overrides, *line.flags],
        job,
        typed=line.overrides,
        flags=line.flags,
        mode=mode,
        report=lambda message: print(_redacted(message), file=sys.stderr),
        redact=_redacted,
    )
