"""What a sweep asks its study for and what it tells it, so that a kill at any moment loses and repeats nothing."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig
from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from graft.config.overrides import quoted
from graft.config.space import Space
from graft.errors import ConfigError
from graft.runs.status import Process
from graft.sweeps.counting import failed, spent, under_way, waiting
from graft.sweeps.losing import Again, after_loss, runs_alone
from graft.sweeps.presence import clear, is_gone
from graft.sweeps.repeats import Repeat
from graft.sweeps.study import make_sampler, objectives
from graft.sweeps.trials import Ending, Outcome, has_ended_well, outcome

log = logging.getLogger(__name__)

_STATES = {Ending.COMPLETE: TrialState.COMPLETE, Ending.PRUNED: TrialState.PRUNED}


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A search that is going on: what it asks its study for, and what it tells it.

    Attributes:
        settings: Of the sweeper.
        folder: Where the folders of the trials lie.
        space: What is varied.
        study: On disk.
        repeats: The runs of each trial.
    """

    settings: DictConfig
    folder: Path
    space: Space
    study: Study
    repeats: list[Repeat]

    def trials(self) -> list[FrozenTrial]:
        """Returns the trials of the study as it is now."""
        return self.study.get_trials(deepcopy=False)

    def ask(self) -> list[FrozenTrial]:
        """Returns the next trials, as many as may run at once; none when all are there."""
        with self.alone():
            if self.settings.n_trials is None:
                self._enqueue_grid()
            batch: list[FrozenTrial] = []
            for _ in range(min(self.missing(), self.settings.n_jobs)):
                if batch and any(map(runs_alone, [batch[0], *waiting(self.trials())[:1]])):
                    break
                batch.append(self._ask_one())
            return batch

    def lines(self, params: Mapping[str, Any], name: str, trial: int | None) -> list[list[str]]:
        """Returns the command lines of the runs of a configuration that have not begun.

        Args:
            params: What it varies.
            name: Of its folder.
            trial: Its number in the study; None: it is in none.
        """
        number = "null" if trial is None else trial
        own = ["test=false", f"hydra.sweeper.trial={number}", f"hydra.sweep.dir={quoted(str(self.folder))}"]
        own = [*self.space.overrides(params), *own]
        return [
            [*own, f"hydra.sweep.subdir={folder.relative_to(self.folder)}", *run.overrides]
            for folder, run in zip(self.folders(name), self.repeats, strict=True)
            if not (folder / "status.json").exists()
        ]

    def folders(self, name: str) -> list[Path]:
        """Returns the folders of the runs of a configuration."""
        return [self.folder / name / run.folder for run in self.repeats]

    def tell(self, trial: FrozenTrial, error: Exception | None = None, raised: BaseException | None = None) -> Outcome:
        """Writes down what became of a trial that this process has launched.

        Args:
            trial: The trial.
            error: What ended the launcher.
            raised: What one of its jobs raised, perhaps before it had a folder to write it down in.

        Raises:
            ConfigError: Runs do not tell what is optimised; no other trial will.
        """
        try:
            found = self._outcome(trial.number, raised)
        except ConfigError as unknown:
            self._tell(trial.number, Outcome(Ending.FAILED, message=str(unknown)))
            raise
        return self._settle(trial, found, counts=True, error=error)

    def has_begun(self, trial: FrozenTrial) -> bool:
        """Whether a job of a trial has claimed its folder."""
        return any((folder / "status.json").exists() for folder in self.folders(str(trial.number)))

    def recover(self) -> None:
        """Settles the trials whose sweep was killed: what has ended counts, what was lost is put in line once more."""
        with self.alone():
            dead = [trial for trial in under_way(self.trials()) if self._is_dead(trial)]
        for trial in dead:
            found = self._outcome(trial.number)  # which may have to be waited for
            self._settle(trial, found, counts=found.killed and not trial.user_attrs.get("stopped"))
            if "owner" in trial.user_attrs:
                clear(Process(**trial.user_attrs["owner"]), self.folder)
        with self.alone():
            for trial in failed(self.trials(), in_line=False) if self.settings.retry_failed else ():
                self._put_in_line(trial, Again(trial.number))

    def stop(self) -> None:
        """Notes that this process was told to stop, by which what its runs died of is no fault of theirs."""
        for trial in under_way(self.trials()):
            if trial.user_attrs.get("owner") == dataclasses.asdict(Process.this()):
                self.study._storage.set_trial_user_attr(trial._trial_id, "stopped", True)

    def _settle(self, trial: FrozenTrial, found: Outcome, counts: bool, error: Exception | None = None) -> Outcome:
        """Writes down what became of a trial; one that was lost is put in line once more, or given up."""
        with self.alone():
            if found.ending is Ending.LOST:
                then = after_loss(trial, found, at_once=self.settings.n_jobs, counts=counts, error=error)
                if isinstance(then, Outcome):
                    found = then
                else:
                    beside = ", by itself" if then.alone else ""
                    log.info("trial %d was lost with its process: once more%s", trial.number, beside)
                    self._put_in_line(trial, then)
            self._tell(trial.number, found)
        return found

    def _ask_one(self) -> FrozenTrial:
        self.study.sampler = make_sampler(self.settings, len(spent(self.trials())))
        trial = self.study.ask(self.space.distributions())
        trial.set_user_attr("owner", dataclasses.asdict(Process.this()))
        asked = next(each for each in self.trials() if each.number == trial.number)
        self._take_over(asked)
        return asked

    def _take_over(self, trial: FrozenTrial) -> None:
        """Moves to a trial that is made once more what ended well of the earlier ones, of several seeds or folds."""
        names, earlier = list(objectives(self.settings)), trial
        while len(self.repeats) > 1 and (before := earlier.user_attrs.get("again")) is not None:
            for old, new in zip(self.folders(str(before)), self.folders(str(trial.number)), strict=True):
                if not new.exists() and has_ended_well(old, names):
                    new.parent.mkdir(parents=True, exist_ok=True)
                    old.rename(new)
            earlier = next(each for each in self.trials() if each.number == before)

    def missing(self) -> int:
        """Returns how many trials are still to be begun."""
        if self.settings.n_trials is None:
            return len(waiting(self.trials()))
        return max(0, int(self.settings.n_trials) - len(spent(self.trials())))

    def _enqueue_grid(self) -> None:
        known = {tuple(_asked(trial).get(key) for key in self.space.varied) for trial in self.trials()}
        for point in self.space.grid():
            if tuple(point.values()) not in known:
                self.study.enqueue_trial(point)

    def _put_in_line(self, trial: FrozenTrial, again: Again) -> None:
        """Does so once, whatever happens meanwhile; the same values under a new number, so that no folder is lost."""
        asked = _asked(trial)
        if not self.space.varied.keys() <= asked.keys():
            return  # killed while it was drawn: the next is drawn in its place, as it would have been
        if all(other.user_attrs.get("again") != trial.number for other in self.trials()):
            self.study.enqueue_trial(asked, user_attrs=dataclasses.asdict(again))

    def _tell(self, number: int, found: Outcome) -> None:
        running = next(trial for trial in self.trials() if trial.number == number)
        if running.state.is_finished():
            return
        told = {"ending": str(found.ending), "message": found.message, "seconds": found.seconds, "runs": found.runs}
        for name, value in told.items():
            self.study._storage.set_trial_user_attr(running._trial_id, name, value)
        values = list(found.values) if found.ending is Ending.COMPLETE else None
        self.study.tell(number, values, _STATES.get(found.ending, TrialState.FAIL), skip_if_finished=True)

    def _outcome(self, number: int, raised: BaseException | None = None) -> Outcome:
        return outcome(self.folders(str(number)), list(objectives(self.settings)), raised)

    def _is_dead(self, trial: FrozenTrial) -> bool:
        """Whether the process that launched it is gone; a kill in the midst of asking leaves a trial without one."""
        owner = trial.user_attrs.get("owner")
        return owner is None or is_gone(Process(**owner), self.folder)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Of several processes at the same sweep one counts and asks at a time."""
        with FileLock(self.folder / ".sweep.lock"):
            yield


def _asked(trial: FrozenTrial) -> dict[str, Any]:
    """What a trial varies, also one that waits in line, or whose process was killed while it was drawn."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}
