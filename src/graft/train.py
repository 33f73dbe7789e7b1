"""`graft train`: claims a run folder, then begins the work; nothing heavy is imported before."""

from contextlib import nullcontext

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from graft.config.origin import origin
from graft.config.places import with_absolute_paths
from graft.config.resume import resumed_config
from graft.reports.ending import reporting
from graft.runs.folder import RunFolder
from graft.runs.log import logging_to
from graft.runs.signals import signals
from graft.runs.tracking import finishing_trackers
from graft.sweeps.placing import accelerators, take_accelerators
from graft.sweeps.trial import shares_machine, this_trial


def train(cfg: DictConfig) -> float:
    """Trains, scores the best checkpoint and leaves everything in the run folder.

    Returns:
        The monitored metric of the best checkpoint on the validation split: what a sweep optimises.

    Raises:
        GraftError: Whatever the user can mend.
        Interrupted: On Ctrl-C or SIGTERM; the run can be resumed.
    """
    run, cfg = claim(cfg)
    if shares_machine():
        take_accelerators(accelerators(cfg.trainer.devices))
    # The report is made when the status is written; the tracker is told last: an upload may take long.
    trial = this_trial()
    report = reporting(run) if cfg.get("report", True) else nullcontext()
    with (
        signals() as handler,
        logging_to(run.log, quiet=trial is not None),
        finishing_trackers(),
        report,
        run.recording(),
    ):
        from graft.fitting import fit_and_score  # torch: seconds, in which a stop is already written down

        return fit_and_score(run, cfg, handler, trial)


def claim(cfg: DictConfig) -> tuple[RunFolder, DictConfig]:
    """Claims a new run folder, or an old one to go on with, whose own config then counts."""
    if cfg.resume is None:
        run = RunFolder.create(cfg.paths.run_dir)
        run.save_config(with_absolute_paths(cfg))
        run.save_origin(origin())
        return run, cfg
    run = RunFolder.open(cfg.resume)
    cfg = resumed_config(list(HydraConfig.get().overrides.task), run.load_config())
    run.resume()
    cfg.resume = None
    run.save_config(with_absolute_paths(cfg))  # with the values given anew, or a second resumption would lose them
    return run, cfg
