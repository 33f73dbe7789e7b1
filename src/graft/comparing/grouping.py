"""Runs that differ in nothing but their seeds are one configuration; the best one comes first."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from graft.comparing.reading import DRAWN, Run, Seeds
from graft.comparing.settings import Settings, differing, is_number, told_by_name, value_of, written
from graft.comparing.statistics import Spread, spread
from graft.comparing.unbegun import with_unbegun


@dataclass(frozen=True)
class Configuration:
    """Runs with the same settings.

    Attributes:
        settings: Those that are not the same in all configurations.
        runs: Finished or not.
        metric: What they are compared by.
        mates: The seeds with which its sweep has run other configurations.
    """

    settings: Settings
    runs: list[Run]
    metric: str
    mates: frozenset[Seeds] = frozenset()

    @cached_property
    def scores(self) -> dict[Seeds, float]:
        """The metric of finished runs by seed."""
        return self.by_seed(self.metric)

    @cached_property
    def score(self) -> Spread | None:
        """The metric over seeds; None, where no run has come to it."""
        return self.over_seeds(self.metric)

    @cached_property
    def asked(self) -> list[Seeds]:
        """The seeds that it was begun with, or that its sweep has begun another configuration with."""
        return list(dict.fromkeys([*(run.seeds for run in self.runs), *sorted(self.mates, key=str)]))

    @cached_property
    def missing(self) -> list[Seeds]:
        """Those of them that have come to no score: pruned, failed, killed, still running or never begun."""
        return [seeds for seeds in self.asked if seeds not in self.scores]

    @property
    def endings(self) -> Counter[str]:
        """How many runs ended in which way."""
        return Counter(run.ending for run in self.runs)

    @property
    def finished(self) -> list[Run]:
        """The runs that count."""
        return [run for run in self.runs if run.finished]

    @property
    def held_out(self) -> float | None:
        """The share of the samples that are not for test that is for validation; None where its runs do not say."""
        value = value_of(self.runs[0].settings, "datamodule.split.val")
        return float(value) if is_number(value) and 0 < value < 1 else None

    def by_seed(self, name: str) -> dict[Seeds, float]:
        """Returns a number of the summaries of finished runs; of runs that repeat a seed, their mean."""
        found: dict[Seeds, list[float]] = defaultdict(list)
        for run in self.finished:
            if (value := run.score(name)) is not None:
                found[run.seeds].append(value)
        return {seeds: statistics.fmean(values) for seeds, values in found.items()}

    def over_seeds(self, name: str) -> Spread | None:
        """Returns a number of the summaries of finished runs over seeds."""
        return spread(list(self.by_seed(name).values()))


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        metric: That sorts; one of the validation split.
        mode: `max` or `min`.
        runs: All that could be read; some may be of no configuration that is known.
        unreadable: What is wrong with the others, by folder.
        keys: Settings that differ.
        told: Those of them that another one tells, and which.
        configurations: The best one first; those without a score last.
    """

    metric: str
    mode: str
    runs: list[Run]
    unreadable: dict[Path, str]
    keys: list[str]
    told: dict[str, str]
    configurations: list[Configuration]

    @property
    def shown(self) -> list[str]:
        """The settings that differ and that no other one tells."""
        return [key for key in self.keys if key not in self.told]

    @cached_property
    def ranked(self) -> list[Configuration]:
        """The configurations with a score, the best one first."""
        return [each for each in self.configurations if each.score is not None]

    @cached_property
    def complete(self) -> list[Configuration]:
        """Those of the ranked with all their seeds, or all where none has all.

        Seeds that fail are not drawn by lot: a mean over those that came through is too good.
        """
        return [each for each in self.ranked if not each.missing] or self.ranked

    @cached_property
    def rivals(self) -> list[Configuration]:
        """Those that may be taken for the best, which comes first; the second is the runner-up.

        They are in the order of their means over the seeds that all of them have, for one that only some have may be a
        lucky one, or an easy one. Where there are none, those with more seeds come first, of as many the higher rank.
        """
        shared = self.common_seeds
        return sorted(
            self._of_many_seeds,
            key=lambda each: (
                -self._sign * statistics.fmean(each.scores[one] for one in shared) if shared else -len(each.scores)
            ),
        )

    @cached_property
    def common_seeds(self) -> list[Seeds]:
        """The seeds that all rivals have a score of."""
        first, *others = [each.scores for each in self._of_many_seeds] or [{}]
        return [seeds for seeds in first if all(seeds in scores for scores in others)]

    @cached_property
    def _of_many_seeds(self) -> list[Configuration]:
        """Of the complete, the two with most seeds and all that have as many: a stray run decides nothing.

        Two, for a run more of one configuration does not make it the best.
        """
        most = sorted((len(each.scores) for each in self.complete), reverse=True)[:2]
        return [each for each in self.complete if len(each.scores) >= most[-1]]

    @property
    def _sign(self) -> int:
        return 1 if self.mode == "max" else -1

    @property
    def best(self) -> Configuration | None:
        """The first of the rivals."""
        return self.rivals[0] if self.rivals else None

    @property
    def metrics(self) -> list[str]:
        """All scores of validation and test, that which sorts first, then as the summaries have them."""
        names = dict.fromkeys(name for run in self.runs for name in run.summary if name.startswith(("val/", "test/")))
        return [self.metric, *(name for name in names if name != self.metric)]


def held_out(configurations: Sequence[Configuration]) -> float | None:
    """Returns the largest share that some configurations hold out for validation; None where one does not say."""
    shares = [each.held_out for each in configurations]
    known = [share for share in shares if share is not None]
    return max(known) if len(known) == len(shares) else None


def compared(runs: list[Run], unreadable: dict[Path, str], metric: str, mode: str) -> Comparison:
    """Groups and sorts runs.

    Args:
        runs: The runs.
        unreadable: What is wrong with other folders.
        metric: That sorts.
        mode: `max` or `min`.
    """
    runs = with_unbegun(runs)
    known = [run for run in runs if run.settings]
    keys = differing([run.asked for run in known], without=DRAWN)
    groups: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    rows = [{key: value_of(run.asked, key) for key in keys} for run in known]
    values: dict[tuple[str, ...], dict[str, Any]] = {}
    for run, row in zip(known, rows, strict=True):
        same = tuple(written(value) for value in row.values())
        groups[same].append(run)
        values[same] = row
    mates = _of_sweeps(known)
    found = [
        Configuration(
            values[same], of_group, metric, frozenset[Seeds]().union(*(mates[run.sweep, run.parts] for run in of_group))
        )
        for same, of_group in groups.items()
    ]
    return Comparison(metric, mode, runs, unreadable, keys, told_by_name(rows, keys), _sorted(found, mode))


def _of_sweeps(runs: Sequence[Run]) -> dict[tuple[Path | None, tuple[int | None, ...]], set[Seeds]]:
    """The seeds that each sweep runs its configurations of so many folds with, by both.

    All have the same ones, unless some have not begun.
    """
    found: dict[tuple[Path | None, tuple[int | None, ...]], set[Seeds]] = defaultdict(set)
    for run in runs:
        if run.sweep is not None:
            found[run.sweep, run.parts].add(run.seeds)
    return found


def _sorted(configurations: Sequence[Configuration], mode: str) -> list[Configuration]:
    sign = -1 if mode == "max" else 1
    return sorted(configurations, key=lambda each: sign * each.score.mean if each.score else float("inf"))
