"""Phases: which stages learn, when and how fast."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graft.errors import ConfigError

HEAD = "head"
_LAST = re.compile(r"last_(\d+|k)")


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the set of learning parameters does not change.

    Attributes:
        train: `head`; `all`; `last_k` or, say, `last_3` (so many stages, counted from the head, and the head); or a
            regular expression that matches whole names of stages.
        epochs: How many; `None` in the last phase: all that are left.
        lr_scale: Times the optimizer's learning rate.
        lr_decay: Times this for each stage on the way down from the head, in (0, 1].
    """

    train: str
    epochs: int | None
    lr_scale: float
    lr_decay: float


class Strategy:
    """A schedule of phases over the stages of any network.

    Args:
        name: Of the strategy.
        phases: Keywords of `Phase`, in the order of time.
        k: Number of stages of a phase with `train: last_k`.

    Raises:
        ConfigError: A phase other than the last has no number of epochs, or `last_k` has no k.
    """

    def __init__(self, name: str, phases: Sequence[Mapping[str, Any]], k: int | None) -> None:
        self.name = name
        self.phases = tuple(Phase(**phase) for phase in phases)
        self.k = k
        if not self.phases:
            raise ConfigError("strategy.phases is empty: at least one phase is needed.")
        for number, phase in enumerate(self.phases[:-1]):
            if phase.epochs is None:
                raise ConfigError(f"strategy.phases[{number}].epochs is null: only the last phase may leave it open.")
        for number, phase in enumerate(self.phases):
            if phase.epochs is not None and phase.epochs < 1:
                raise ConfigError(f"strategy.phases[{number}].epochs must be at least 1, got {phase.epochs}.")
            if not 0 < phase.lr_decay <= 1 or phase.lr_scale <= 0:
                raise ConfigError(f"strategy.phases[{number}]: lr_scale must be > 0 and lr_decay in (0, 1].")

    def check(self, stages: Sequence[str], max_epochs: int | None) -> None:
        """Says at once what would fail or be ignored later.

        Raises:
            ConfigError: A phase matches no stage, never begins, or leaves epochs over.
        """
        for phase in self.phases:
            self.learning(phase, stages)
        if self.k is not None and not any(phase.train == "last_k" for phase in self.phases):
            raise ConfigError(f"strategy.k={self.k}, but no phase of strategy {self.name} says `train: last_k`.")
        if max_epochs is None or max_epochs < 0:
            return
        starts = self.starts()
        if starts[-1] >= max_epochs:
            raise ConfigError(
                f"The last phase of strategy {self.name} begins after epoch {starts[-1]}, but trainer.max_epochs is"
                f" {max_epochs}: raise it or shorten the phases before."
            )
        last = self.phases[-1].epochs
        if last is not None and starts[-1] + last < max_epochs:
            raise ConfigError(
                f"The phases of strategy {self.name} take {starts[-1] + last} epochs, trainer.max_epochs is"
                f" {max_epochs}: make them equal, or set epochs: null in the last phase."
            )

    def starts(self) -> list[int]:
        """Returns the epoch in which each phase begins."""
        starts = [0]
        for phase in self.phases[:-1]:
            starts.append(starts[-1] + (phase.epochs or 0))
        return starts

    def phase_at(self, epoch: int) -> int:
        """Returns the number of the phase that an epoch lies in, by the epoch alone, so that resuming is exact."""
        return max(number for number, start in enumerate(self.starts()) if start <= epoch)

    def learning(self, phase: Phase, stages: Sequence[str]) -> set[str]:
        """Returns the names of the stages that learn.

        Args:
            phase: One of `phases`.
            stages: All names from input to output; the last one is the head.

        Raises:
            ConfigError: None does.
        """
        if phase.train == "all":
            return set(stages)
        if phase.train == HEAD:
            return {HEAD}
        if last := _LAST.fullmatch(phase.train):
            return set(stages[-(self._count(last.group(1), len(stages) - 1) + 1) :])
        try:
            matched = {name for name in stages if re.fullmatch(phase.train, name)}
        except re.error as error:
            raise ConfigError(f"strategy.phases: '{phase.train}' is no regular expression: {error}.") from error
        if not matched:
            raise ConfigError(
                f"strategy.phases: 'train: {phase.train}' matches no stage. The stages are: {', '.join(stages)}."
            )
        return matched

    def _count(self, text: str, available: int) -> int:
        count = self.k if text == "k" else int(text)
        if count is None:
            raise ConfigError("strategy.k is null, but a phase says `train: last_k`: set strategy.k.")
        if not 0 <= count <= available:
            raise ConfigError(f"strategy: the last {count} stages were asked for, the backbone has {available}.")
        return count

    def scales(self, number: int, stages: Sequence[str]) -> dict[str, float]:
        """Returns each stage's learning rate in a phase as a multiple of the optimizer's.

        A stage that is frozen has the multiple of the next phase in which it learns, so that a scheduler always finds
        a rate that it can scale; without a gradient the optimizer does not touch it.
        """
        scales: dict[str, float] = {}
        for phase in (*self.phases[number:], *reversed(self.phases[:number])):
            for depth, name in enumerate(reversed(stages)):
                if name in self.learning(phase, stages):
                    scales.setdefault(name, phase.lr_scale * phase.lr_decay**depth)
        return {name: scales.get(name, self.phases[number].lr_scale) for name in stages}

    def trains_only_the_head(self, stages: Sequence[str]) -> bool:
        """Whether the backbone never learns, so that its features can be computed once."""
        return all(self.learning(phase, stages) == {HEAD} for phase in self.phases)
