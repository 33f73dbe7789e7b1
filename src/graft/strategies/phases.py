"""Phases: which stages learn, when and how fast."""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from graft.errors import ConfigError, did_you_mean, many
from graft.strategies.adapters import Adapter
from graft.strategies.selection import KINDS
from graft.strategies.solvers import Solver

HEAD = "head"
_LAST = re.compile(r"last_(\d+|k)")


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the set of learning parameters does not change.

    Attributes:
        train: `head`; `all`; `last_k` or, say, `last_3` (so many stages, counted from the head, and the head); `stage`
            (the one that the strategy names, and the head); `one_by_one` (a phase for the head, then one with `k` more
            stages after the other, from the head down, until all learn); or a regular expression that matches whole
            names of stages.
        epochs: How many (of `one_by_one`: in each step); `None` in the last phase: all that are left.
        lr_scale: Times the optimizer's learning rate.
        lr_decay: Times this for each stage on the way down from the head, in (0, 1].
        parameters: Which of the stages' parameters: `all`, `biases`, `norms` or `adapter`; of the head always all.
    """

    train: str
    epochs: int | None
    lr_scale: float
    lr_decay: float
    parameters: str = "all"


class Strategy:
    """A schedule of phases over the stages of any network.

    Args:
        name: Of the strategy.
        phases: Keywords of `Phase`, in the order of time; may be empty where `start` says all of the head.
        stages: Names of all stages from input to output; the last one is the head.
        k: Number of stages of a phase with `train: last_k` or `one_by_one`.
        stage: Name of the stage of a phase with `train: stage`; that `auto` has been replaced by.
        trial_epochs: For how many each stage is tried where it was `auto`; of no meaning afterwards.
        start: What solves for the head before the first phase; `None`: it starts from random weights.
        adapter: New parameters inside the backbone, which phases with `parameters: adapter` train.

    Raises:
        ConfigError: A phase matches no stage, or its numbers make no sense.
    """

    def __init__(
        self,
        name: str,
        phases: Sequence[Mapping[str, Any]],
        stages: Sequence[str],
        k: int | None = None,
        stage: str | None = None,
        trial_epochs: int | None = None,
        start: Solver | None = None,
        adapter: Adapter | None = None,
    ) -> None:
        self.name = name
        self.stages = tuple(stages)
        self.k = k
        self.stage = stage
        self.start = start
        self.adapter = adapter
        given = [Phase(**phase) for phase in phases]
        self._check_given(given)
        self.phases = tuple(part for number, phase in enumerate(given) for part in self._parts(number, phase, given))
        self._learning = tuple(self._matched(phase) for phase in self.phases)

    def _check_given(self, phases: Sequence[Phase]) -> None:
        if not phases and self.start is None:
            raise ConfigError("strategy.phases is empty: at least one phase is needed, or strategy.start.")
        for number, phase in enumerate(phases):
            key = f"strategy.phases[{number}]"
            if phase.epochs is None and number < len(phases) - 1:
                raise ConfigError(f"{key}.epochs is null: only the last phase may leave it open.")
            if phase.epochs is not None and phase.epochs < 1:
                raise ConfigError(f"{key}.epochs must be at least 1, got {phase.epochs}.")
            if not 0 < phase.lr_decay <= 1 or phase.lr_scale <= 0:
                raise ConfigError(f"{key}: lr_scale must be > 0 and lr_decay in (0, 1].")
            if phase.parameters not in KINDS:
                near = did_you_mean(phase.parameters, KINDS)
                raise ConfigError(f"{key}.parameters: {phase.parameters} is none of {', '.join(KINDS)}.{near}")
            if phase.parameters == "adapter" and self.adapter is None:
                raise ConfigError(f"{key}.parameters is adapter, but strategy.adapter is null: see strategy=lora.")
        if self.adapter is not None and not any(phase.parameters == "adapter" for phase in phases):
            raise ConfigError("strategy.adapter is set, but no phase says `parameters: adapter`: it would never learn.")
        for key, value, words in (("k", self.k, ("last_k", "one_by_one")), ("stage", self.stage, ("stage",))):
            if value is not None and not any(phase.train in words for phase in phases):
                said = " or ".join(words)
                raise ConfigError(f"strategy.{key}={value}, but no phase of strategy {self.name} says `train: {said}`.")

    def _parts(self, number: int, phase: Phase, given: Sequence[Phase]) -> Iterator[Phase]:
        """A phase with `train: one_by_one` is short for several; the last of all phases takes the epochs left over."""
        if phase.train != "one_by_one":
            yield phase
            return
        if not self.k:
            raise ConfigError("strategy.k must be at least 1: so many stages more learn from one phase to the next.")
        if phase.epochs is None:
            raise ConfigError(f"strategy.phases[{number}].epochs is null: `one_by_one` needs the epochs of each step.")
        for count in range(0, len(self.stages) - 1, self._count("k")):
            yield replace(phase, train=f"last_{count}")
        yield replace(phase, train="all", epochs=None if number == len(given) - 1 else phase.epochs)

    def _matched(self, phase: Phase) -> frozenset[str]:
        """Names of the stages that a phase trains."""
        if phase.train == "all":
            return frozenset(self.stages)
        if phase.train == HEAD:
            return frozenset({HEAD})
        if phase.train == "stage":
            return frozenset({self._named(), HEAD})
        if last := _LAST.fullmatch(phase.train):
            return frozenset(self.stages[-(self._count(last.group(1)) + 1) :])
        try:
            matched = frozenset(name for name in self.stages if re.fullmatch(phase.train, name))
        except re.error as error:
            raise ConfigError(f"strategy.phases: '{phase.train}' is no regular expression: {error}.") from error
        if not matched:
            raise ConfigError(f"strategy.phases: 'train: {phase.train}' matches no stage. {self._listed()}")
        return matched

    def _named(self) -> str:
        if self.stage is None or self.stage not in self.stages[:-1]:
            near = did_you_mean(str(self.stage), self.stages[:-1])
            raise ConfigError(f"strategy.stage={self.stage} is no stage of the backbone.{near} {self._listed()}")
        return self.stage

    def _count(self, text: str) -> int:
        count, available = self.k if text == "k" else int(text), len(self.stages) - 1
        if count is None:
            raise ConfigError("strategy.k is null, but a phase says `train: last_k`: set strategy.k.")
        if not 0 <= count <= available:
            key = f"strategy.k={count}" if text == "k" else f"strategy.phases: 'train: last_{count}'"
            raise ConfigError(f"{key}: the backbone has {many(available, 'stage')}: 0 to {available} are possible.")
        return count

    def _listed(self) -> str:
        return f"The stages are: {', '.join(self.stages)}."

    def check(self, max_epochs: int | None) -> None:
        """Says at once what would be ignored later.

        Raises:
            ConfigError: A phase never begins, or leaves epochs over; or the head never learns.
        """
        if self.phases and self.start is None and not any(HEAD in learning for learning in self._learning):
            raise ConfigError(
                f"No phase of strategy {self.name} trains the head, which starts from random weights: write, say,"
                f" 'train: {self.phases[0].train}|head'."
            )
        if max_epochs is None or max_epochs < 0 or not self.phases:
            return
        starts = self.starts()
        if starts[-1] >= max_epochs:
            raise ConfigError(
                f"The last phase of strategy {self.name} begins after epoch {starts[-1]}, but trainer.max_epochs is"
                f" {max_epochs}: raise it or shorten the phases before."
            )
        last = self.phases[-1].epochs
        if last is not None and starts[-1] + last != max_epochs:
            raise ConfigError(
                f"The phases of strategy {self.name} take {many(starts[-1] + last, 'epoch')}, trainer.max_epochs is"
                f" {max_epochs}: make them equal, or set epochs: null in the last phase."
            )

    def starts(self) -> list[int]:
        """Returns the epoch in which each phase begins."""
        starts = [0]
        for phase in self.phases[:-1]:
            starts.append(starts[-1] + (phase.epochs or 0))
        return starts[: len(self.phases)]

    def phase_at(self, epoch: int) -> int:
        """Returns the number of the phase that an epoch lies in, by the epoch alone, so that resuming is exact."""
        return max(number for number, start in enumerate(self.starts()) if start <= epoch)

    def learning(self, number: int) -> dict[str, str]:
        """Returns the names of the stages that learn in a phase, and which of their parameters do."""
        kind = self.phases[number].parameters
        return {name: "all" if name == HEAD else kind for name in self.stages if name in self._learning[number]}

    def scales(self, number: int) -> dict[str, float]:
        """Returns each stage's learning rate in a phase as a multiple of the optimizer's.

        A stage that is frozen has the multiple of the next phase in which it learns, so that a scheduler always finds
        a rate that it can scale; without a gradient the optimizer does not touch it.
        """
        scales: dict[str, float] = {}
        later, earlier = range(number, len(self.phases)), reversed(range(number))
        for other in (*later, *earlier):
            phase = self.phases[other]
            for depth, name in enumerate(reversed(self.stages)):
                if name in self._learning[other]:
                    scales.setdefault(name, phase.lr_scale * phase.lr_decay**depth)
        return {name: scales.get(name, self.phases[number].lr_scale) for name in self.stages}

    def alone(self, number: int) -> Self:
        """Returns the strategy with one of its phases only, that never ends."""
        only = copy.copy(self)
        only.phases = (replace(self.phases[number], epochs=None),)
        only._learning = (self._learning[number],)
        return only

    @property
    def moves_the_backbone(self) -> bool:
        """Whether any of the backbone's own weights learn, which an adapter's are not."""
        kinds = zip(self._learning, self.phases, strict=True)
        return any(learning != {HEAD} and phase.parameters != "adapter" for learning, phase in kinds)

    def boundary(self, number: int) -> str | None:
        """Returns the last of the backbone's stages up to which nothing has learnt by the end of a phase; or None.

        What comes out of it is the same for a sample in all epochs of that phase and of those before.
        """
        learnt = frozenset().union(*self._learning[: number + 1])
        frozen = itertools.takewhile(lambda name: name not in learnt, self.stages[:-1])
        return max(frozen, key=self.stages.index, default=None)

    @property
    def trains_only_the_head(self) -> bool:
        """Whether the backbone never learns, so that its features can be computed once."""
        return all(learning == {HEAD} for learning in self._learning)
