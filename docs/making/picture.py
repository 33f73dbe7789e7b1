"""Draws the rooms of Graft's source in layers, as SVG in the colours of the page around it."""

import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from rooms import Room, arrows, commands, layers, modules_above, read_rooms

_WIDTH, _MARGIN, _GAP = 760, 8, 16
_ROW, _BETWEEN = 96, 46
_LINE = 14
_DOOR = "cli"


def picture(package: Path) -> str:
    """Returns the drawing of a package: its commands, the modules that they are made of, and the rooms in layers."""
    rooms, doors = read_rooms(package), commands(package)
    drawn = [*_commands(sorted(doors.values()))]
    drawn += _shared([name for name in modules_above(package) if name not in {*doors, _DOOR}])
    top = 176
    rows = _untangled(layers(rooms)[::-1], arrows(rooms))
    places = _places(rows, top)
    drawn += [_arrow(places[one], places[other], one, other) for one, other in arrows(rooms)]
    drawn += [line for name, place in places.items() for line in _box(place, rooms[name])]
    height = top + len(rows) * (_ROW + _BETWEEN) - _BETWEEN + _MARGIN
    head = '<marker id="rooms-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    return "\n".join(
        [
            f'<div class="rooms" tabindex="0"><svg viewBox="0 0 {_WIDTH} {height}" role="img"'
            ' aria-label="The rooms of Graft in layers; an arrow leads from a room to one that it imports from">',
            f'<defs>{head}<path d="M0 0L8 4L0 8z"/></marker></defs>',
            *drawn,
            "</svg></div>",
        ]
    )


def _untangled(rows: list[list[str]], known: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Orders each row so that rooms stand near those that they know or are known by."""
    rows = [list(row) for row in rows]
    for _ in range(4):
        for row in rows:
            where = {name: (place + 0.5) / len(each) for each in rows for place, name in enumerate(each)}
            near = {name: [where[b if a == name else a] for a, b in known if name in (a, b)] for name in row}
            row.sort(key=lambda name: sum(near[name]) / len(near[name]) if near[name] else where[name])
    return rows


def _commands(names: Sequence[str]) -> Iterator[str]:
    """The door, and the commands behind it side by side."""
    yield _frame((_MARGIN, _MARGIN, _WIDTH - 2 * _MARGIN, 74), "above")
    yield _titled(_MARGIN + 22, "graft &lt;command&gt;", "the door: finds mistakes before anything heavy is imported")
    width = (_WIDTH - 2 * _MARGIN - 24 - 8 * (len(names) - 1)) / len(names)
    for number, name in enumerate(names):
        left = _MARGIN + 12 + number * (width + 8)
        yield _frame((left, _MARGIN + 36, width, 28), "command")
        yield f'<text class="name middle" x="{left + width / 2:.1f}" y="{_MARGIN + 55}">{escape(name)}</text>'


def _shared(names: Sequence[str]) -> Iterator[str]:
    lines = textwrap.wrap(" · ".join(names), 116)
    yield _frame((_MARGIN, 92, _WIDTH - 2 * _MARGIN, 66), "above")
    yield _titled(112, "what commands are made of", "they know the rooms below; no room knows them")
    for number, line in enumerate(lines[:2]):
        yield _text(_MARGIN + 12, 130 + number * _LINE, escape(line), "said")


def _places(rows: Sequence[Sequence[str]], top: float) -> dict[str, tuple[float, float, float, float]]:
    """Where each room stands: left, top, width, height."""
    most = max(map(len, rows))
    width = (_WIDTH - 2 * _MARGIN - _GAP * (most - 1)) / most
    places = {}
    for number, row in enumerate(rows):
        left = (_WIDTH - len(row) * width - (len(row) - 1) * _GAP) / 2
        for column, name in enumerate(row):
            places[name] = (left + column * (width + _GAP), top + number * (_ROW + _BETWEEN), width, float(_ROW))
    return places


def _box(place: tuple[float, float, float, float], room: Room) -> Iterator[str]:
    left, top, width, _ = place
    yield _frame(place, "room")
    yield _text(left + 10, top + 20, room.name, "name")
    yield f'<text class="count end" x="{left + width - 10:.1f}" y="{top + 20}">{room.files} files</text>'
    lines = textwrap.wrap(room.summary, int((width - 16) / 5.9), max_lines=5, placeholder=" …")
    for number, line in enumerate(lines):
        yield _text(left + 10, top + 36 + number * 13, escape(line), "said")


def _arrow(one: tuple[float, ...], other: tuple[float, ...], name: str, known: str) -> str:
    (x1, y1, w1, h1), (x2, y2, w2, _) = one, other
    title = f"<title>{name} knows {known}</title>"
    if y1 == y2:  # beside each other
        start, end = (x1 + w1, x2) if x1 < x2 else (x1, x2 + w2)
        shift = 10 if x1 < x2 else -10
        return (
            f'<path class="arrow" d="M{start:.1f} {y1 + h1 / 2 + shift}L{end:.1f} {y1 + h1 / 2 + shift}">{title}</path>'
        )
    # Leaves and arrives where the other room is, so that arrows of one room do not lie on one another.
    lean = max(-0.32, min(0.32, ((x2 + w2 / 2) - (x1 + w1 / 2)) / 900))
    start, end = x1 + w1 * (0.5 + lean), x2 + w2 * (0.5 - lean)
    middle = (y1 + h1 + y2) / 2
    path = f"M{start:.1f} {y1 + h1}C{start:.1f} {middle},{end:.1f} {middle},{end:.1f} {y2 - 1}"
    return f'<path class="arrow" d="{path}">{title}</path>'


def _frame(place: tuple[float, float, float, float], kind: str) -> str:
    left, top, width, height = place
    return f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height}" rx="6"/>'


def _titled(base: float, name: str, said: str) -> str:
    spans = f'<tspan class="name">{name}</tspan><tspan class="said" dx="12">{said}</tspan>'
    return f'<text x="{_MARGIN + 12}" y="{base}">{spans}</text>'


def _text(left: float, base: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{left:.1f}" y="{base:.1f}">{text}</text>'
