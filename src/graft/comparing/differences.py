"""What two runs do not have in common, in their configs and in what they were made with."""

import os
from typing import Any

from graft.comparing.reading import Run
from graft.comparing.settings import flat, written
from graft.comparing.wording import setting

_TOLD = ("started", "seed")  # of a session; the config has the seed
Row = tuple[str, str, str]


def config_differences(first: Run, second: Run) -> list[Row]:
    """Returns key and both values where the configs differ, all keys of them, interpolations as they stand."""
    return _rows(first.settings, second.settings)


def environment_differences(first: Run, second: Run) -> list[Row]:
    """Returns what differs between the last starts of two runs: command, commit and changed files, versions, device."""
    return _rows(
        *({key: value for key, value in flat(run.session).items() if key not in _TOLD} for run in (first, second))
    )


def names_of(first: Run, second: Run) -> list[str]:
    """Names two runs by their folders, by as much of their paths as tells them apart."""
    if first.path.name != second.path.name:
        return [first.path.name, second.path.name]
    common = os.path.commonpath([first.path, second.path])
    return [str(run.path.relative_to(common)) for run in (first, second)]


def _rows(first: dict[str, Any], second: dict[str, Any]) -> list[Row]:
    return [
        (key, _written(first.get(key)), _written(second.get(key)))
        for key in dict.fromkeys([*first, *second])
        if written(first.get(key)) != written(second.get(key))
    ]


def _written(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else setting(value)
