import pytest

from graft.config.completion import complete

COMMANDS = {"train": "", "evaluate": ""}


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("graft ", "evaluate train"),
        ("graft tr", "train"),
        ("graft x", ""),
        ("graft xyz back", ""),
        ("", "evaluate train"),
    ],
)
def test_names_of_commands_are_completed_here(line, printed, capsys):
    environ = {"COMP_LINE": line}
    assert complete(COMMANDS, environ) is None
    assert capsys.readouterr().out.strip() == printed
    assert environ == {"COMP_LINE": line}


@pytest.mark.parametrize(
    ("line", "command", "left"),
    [
        ("graft train back", "train", "graft back"),
        ("graft train ", "train", "graft "),
        ("graft  evaluate split=val r", "evaluate", "graft split=val r"),
    ],
)
def test_the_command_is_taken_out_of_the_line_for_hydra(line, command, left):
    environ = {"COMP_LINE": line}
    assert complete(COMMANDS, environ) == command
    assert environ == {"COMP_LINE": left}
