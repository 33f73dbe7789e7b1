"""A sweep from its first trial, or the first that is missing, to its last."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from graft.config.space import read_space
from graft.errors import GraftError, Interrupted, many
from graft.runs.atomic import write_text
from graft.runs.log import logging_sweep_to
from graft.runs.secrets import redact
from graft.runs.signals import signals
from graft.sweeps.counting import failed
from graft.sweeps.ending import announce_trial, conclude, first_line
from graft.sweeps.owning import check_own
from graft.sweeps.presence import present
from graft.sweeps.proof import prove
from graft.sweeps.repeats import repeats
from graft.sweeps.study import open_storage, open_study
from graft.sweeps.sweep import Sweep

log = logging.getLogger(__name__)


def run_sweep(config: DictConfig, arguments: Sequence[str], launcher: Launcher) -> None:
    """Runs the trials that are missing, and says at the end what all have come to.

    Args:
        config: Hydra's, of the whole sweep.
        arguments: Overrides of the command line, with values to search among.
        launcher: Runs the jobs.

    Raises:
        ConfigError: The study is that of another search, or the folder that of another study.
        GraftError: Trials failed.
    """
    settings = config.hydra.sweeper
    folder = Path(str(config.hydra.sweep.dir)).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    space = read_space(settings.params, arguments)
    study = open_study(open_storage(settings.storage, folder), config, space)
    check_own(study, folder)
    sweep = Sweep(settings, folder, space, study, repeats(settings, int(config.seed)))
    with sweep.alone():
        write_text(folder / "multirun.yaml", redact(OmegaConf.to_yaml(config)))
    with signals(), logging_sweep_to(folder / "sweep.log"), present(folder):
        try:
            sweep.recover()
            _work(sweep, launcher)
        except (Interrupted, KeyboardInterrupt):
            log.warning("the sweep is stopped; the same command goes on with it")
            with contextlib.suppress(Exception):  # a storage that is gone as well, say
                sweep.stop()
            raise
        with sweep.alone():
            conclude(study, settings, folder)
        if settings.best is not None:
            prove(sweep, launcher)
    if lacking := failed(sweep.trials(), in_line=True):
        last = f"trial {lacking[-1].number}: {first_line(lacking[-1].user_attrs.get('message', ''))}"
        raise GraftError(f"{len(lacking)} of the sweep's trials failed, see trials.csv in {folder}; {last}")


def _work(sweep: Sweep, launcher: Launcher) -> None:
    """Launches batches until no trial is missing, or too many have failed."""
    jobs = len(sweep.trials()) * len(sweep.repeats)
    while not _gives_up(sweep) and (batch := sweep.ask()):
        owners = [
            (trial, line) for trial in batch for line in sweep.lines(trial.params, str(trial.number), trial.number)
        ]
        lines = [line for _, line in owners]
        error: Exception | None = None
        returned: Sequence[JobReturn] = []
        try:
            returned = launcher.launch(lines, initial_job_idx=jobs) or []
        except Exception as failure:  # a process that the system killed ends the whole batch of some launchers
            error = failure
        jobs += len(lines)
        raisers = [
            (trial.number, job._return_value)
            for (trial, _), job in zip(owners, returned, strict=False)  # nothing is returned after an error
            if job.status is JobStatus.FAILED
        ]
        for trial in _as_they_began(sweep, batch):
            raised = next((raised for number, raised in raisers if number == trial.number), None)
            announce_trial(sweep.study, sweep.settings, trial.number, sweep.tell(trial, error, raised))


def _as_they_began(sweep: Sweep, batch: Sequence[FrozenTrial]) -> Iterator[FrozenTrial]:
    """Yields the trials of a batch, those first that have begun.

    Where a launcher has ended early, its other jobs may run on, or still wait in a queue: while one is waited for,
    those after it may begin.
    """
    left = list(batch)
    while left:
        trial = next((each for each in left if sweep.has_begun(each)), left[0])
        left.remove(trial)
        yield trial


def _gives_up(sweep: Sweep) -> bool:
    count = len(failed(sweep.trials(), in_line=False))
    if count >= sweep.settings.max_failures:
        log.warning("%s failed: the sweep gives up (hydra.sweeper.max_failures)", many(count, "trial"))
        return True
    return False
