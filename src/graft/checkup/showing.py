"""Findings as they are printed."""

import sys
from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from graft.checkup.finding import Finding, Verdict
from graft.errors import many
from graft.runs.secrets import redact

_MARKS = {
    Verdict.FINE: ("✓", "green"),
    Verdict.ABSENT: ("·", "dim"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.WRONG: ("✗", "bold red"),
}
_WIDTH = 160  # columns, where the output is no terminal


def show(sections: Sequence[tuple[str, Sequence[Finding]]]) -> None:
    """Prints the sections with their headings, and at the end what there is to do."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False)
    width = max(len(each.subject) for _, found in sections for each in found)
    for heading, found in sections:
        console.print(Group(Text(heading, style="bold"), _table(found, width), ""))
    console.print(_ending([each for _, found in sections for each in found]))


def _table(found: Sequence[Finding], width: int) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=3, justify="right")
    table.add_column(width=width)
    table.add_column(overflow="fold")
    for each in found:
        mark, style = _MARKS[each.verdict]
        state = f"{each.state}: {each.advice}" if each.verdict is Verdict.ABSENT else each.state
        table.add_row(Text(mark, style), Text(each.subject), Text(redact(state), "dim" if style == "dim" else ""))
    return table


def _ending(found: Sequence[Finding]) -> Group:
    lines: list[Text] = []
    for verdict in (Verdict.WRONG, Verdict.WARNING):
        mark, style = _MARKS[verdict]
        for each in found:
            if each.verdict is verdict:
                lines += [
                    Text(f"{mark} {each.subject}: {redact(each.state)}", style),
                    Text(f"  → {redact(each.advice)}"),
                ]
    return Group(*lines, Text(_sentence(found), "bold"))


def _sentence(found: Sequence[Finding]) -> str:
    wrong, warnings = (sum(each.verdict is verdict for each in found) for verdict in (Verdict.WRONG, Verdict.WARNING))
    warned = f"{many(warnings, 'warning')}"
    if wrong:
        return f"A training would stop: {wrong} wrong, {warned}."
    return f"A training can begin: nothing wrong, {warned}."
