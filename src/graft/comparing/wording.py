"""What a comparison says in sentences, in the terminal as on the page."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from graft.comparing.grouping import Comparison, Configuration
from graft.comparing.reading import PRUNED, SEED_KEYS, Run, Seeds
from graft.comparing.settings import CHOICES, Settings
from graft.comparing.statistics import Spread
from graft.errors import many
from graft.reports.wording import decimals, fixed
from graft.runs.status import State

ENDINGS = (State.DONE, PRUNED, State.FAILED, State.INTERRUPTED, State.KILLED, State.RUNNING)
_NAMED = 3  # runs


def counted(comparison: Comparison) -> str:
    """Says how many runs there are, how they ended, and what could not be used."""
    endings = Counter(run.ending for run in comparison.runs)
    ended = ", ".join(f"{endings[ending]:,} {ending}" for ending in ENDINGS if endings[ending])
    said = f"{many(len(comparison.runs), 'run')} of {many(len(comparison.configurations), 'configuration')}: {ended}"
    if unbegun := sum(not run.begun and run.ending != State.RUNNING for run in comparison.runs):
        said += f"; {unbegun:,} of these stopped before they began"
    without = sum(run.finished and run.score(comparison.metric) is None for run in comparison.runs)
    if without:
        said += f"; {without:,} done without a number for {comparison.metric}"
    if comparison.unreadable:
        said += f"; {many(len(comparison.unreadable), 'folder')} skipped"
    return f"{said}."


def seeds_of(configuration: Configuration) -> str:
    """How many seeds count; `3 of 5`, where others have come to no score."""
    done, asked = len(configuration.scores), len(configuration.asked)
    return str(done) if done == asked or asked == 1 else f"{done} of {asked}"


def seed_names(found: Sequence[Seeds]) -> list[str]:
    """Names seeds by those of their parts that differ: `0`, or `seed 0, split 1`."""
    parts = [key.replace("datamodule.", "").removesuffix(".seed").removeprefix("split.") for key in SEED_KEYS]
    varied = [number for number in range(len(parts)) if len({seeds[number] for seeds in found}) > 1] or [0]
    if varied == [0]:
        return [str(seeds[0]) for seeds in found]
    return [", ".join(f"{parts[number]} {seeds[number]}" for number in varied) for seeds in found]


def mean_and_deviation(found: Spread | None, places: int) -> str:
    """`0.853 ± 0.011`; the mean alone, where there is one value; a dash, where there is none."""
    if found is None:
        return fixed(None, places)
    mean = fixed(found.mean, places)
    return mean if found.deviation is None else f"{mean} ± {fixed(found.deviation, places)}"


def interval(found: Spread | None, places: int) -> str:
    """`0.84 to 0.87`; a dash, where there is none."""
    if found is None or found.interval is None:
        return fixed(None, places)
    return " to ".join(fixed(end, places) for end in found.interval)


def places_of(column: Sequence[Spread | None]) -> int:
    """Digits after the point for a whole column: two of the usual deviation; without one, four of the numbers."""
    deviations = [found.deviation for found in column if found and found.deviation]
    if deviations:
        return decimals(statistics.median(deviations), leading=2)
    return decimals(max((abs(found.mean) for found in column if found), default=1.0), leading=4)


def setting(value: Any) -> str:
    """A value as one types it; a dash, where it is not set."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def described(configuration: Configuration, keys: Sequence[str]) -> str:
    """The settings of a configuration in a line: `strategy lora, lr 0.001`."""
    names = short_names(keys)
    return ", ".join(
        f"{name} {setting(configuration.settings.get(key))}" for name, key in zip(names, keys, strict=True)
    )


def short_names(keys: Sequence[str]) -> list[str]:
    """The last part of each key, or what is chosen (`strategy` of `strategy.name`); whole keys, where two are alike."""
    parts = [key.split(".") for key in keys]
    names = [each[-2] if len(each) > 1 and each[-1] in CHOICES else each[-1] for each in parts]
    return [name if names.count(name) == 1 else key for name, key in zip(names, keys, strict=True)]


def stopped(runs: Sequence[Run]) -> list[str]:
    """Says which runs did not end by themselves, and why; those that say the same together."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for run in runs:
        if run.ending in (State.FAILED, State.INTERRUPTED, State.KILLED):
            reasons[run.ending, run.message].append(str(run.path))
    said = []
    for (ending, message), paths in sorted(reasons.items(), key=lambda reason: -len(reason[1])):
        more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
        said.append(f"{ending}: {', '.join(paths[:_NAMED])}{more}{f': {message}' if message else ''}")
    return said


def made_alike(runs: Sequence[Run]) -> list[str]:
    """Says of data, code, versions and devices whether they were the same in all runs; nothing where they were."""
    looked_at: dict[str, Callable[[Settings], str]] = {
        "code": _code,
        "version of torch": lambda session: str(_inner(session, "packages").get("torch", "?")),
        "device": _device,
    }
    sessions = [run.session for run in runs if run.session]
    said = _unlike(
        "data",
        Counter(_data(run.settings) for run in runs if run.settings),
        ", so that scores are not of the same samples",
    )
    return said + [line for what, of in looked_at.items() for line in _unlike(what, Counter(map(of, sessions)))]


def _unlike(what: str, found: Counter[str], so: str = "") -> list[str]:
    if len(found) < 2:
        return []
    each = ", ".join(f"{name} ({many(count, 'run')})" for name, count in found.most_common(4))
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return [f"The {what} was not the same in all runs{so}: {each}{more}."]


def _data(settings: Settings) -> str:
    """Names the dataset and where it lies; splits that were drawn by other seeds or folds are of the same data."""
    keys = [f"datamodule.{key}" for key in ("name", "dataset", "root", "path", "folder")]
    return " ".join(str(settings[key]) for key in keys if settings.get(key) is not None)


def _code(session: Settings) -> str:
    git = _inner(session, "git")
    commit = str(git.get("commit") or "no commit")[:7]
    changes = str(git.get("diff_sha256") or "")[:4]
    return f"{commit} with changes {changes}" if changes else commit


def _device(session: Settings) -> str:
    device = _inner(session, "device")
    return ", ".join(map(str, device.get("cuda") or [])) or (
        "MPS" if device.get("mps") else str(device.get("cpu", "?"))
    )


def _inner(session: Settings, key: str) -> Settings:
    found = session.get(key)
    return found if isinstance(found, dict) else {}
