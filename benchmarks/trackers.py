"""What a tracker costs a run: seconds to begin, for the metrics of 60 epochs, and to end, beside Lightning imported.

    python benchmarks/trackers.py logs/runs/<name>/<date_time>

The run is a finished one, whose pictures, tables and best checkpoint W&B is given, offline. Each turn is a process of
its own with all trackers one after another; the least of the turns counts.
"""

import json
import logging
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TURNS = 3
EPOCHS, STEPS = 60, 4  # rows of a step's loss in each epoch; then two rows of metrics and one of rates
METRICS = ("loss", "accuracy", "balanced_accuracy", "macro_f1", "auroc", "average_precision", "calibration_error")


def main():
    if len(sys.argv) > 2:
        print(json.dumps(turn(Path(sys.argv[1]))))
        return
    turns = []
    for _ in range(TURNS):
        done = subprocess.run([sys.executable, __file__, sys.argv[1], "turn"], stdout=subprocess.PIPE, check=True)
        turns.append(json.loads(done.stdout.splitlines()[-1]))
    for part in turns[0]:
        print(f"{part:<40}{min(each[part] for each in turns):6.2f} s")


def turn(folder):
    from graft.reports.contents import read_contents
    from graft.reports.figures import figures
    from graft.reports.tracker import send_to_wandb
    from graft.runs.folder import RunFolder
    from graft.runs.loggers import tensorboard_logger, trackio_logger, wandb_logger
    from graft.runs.tracking import finish_trackio, finish_wandb
    from graft.tracked import description

    logging.disable()
    run = RunFolder(folder)
    contents, told = read_contents(run), description(run, run.load_config())
    pictures = figures(contents)
    seconds = {}
    with tempfile.TemporaryDirectory() as home:

        def timed(part, work):
            started = time.perf_counter()
            made = work()
            seconds[part] = time.perf_counter() - started
            return made

        def wandb_run():
            best = {"monitor": contents.monitor, "goal": contents.mode, "checkpoint": True}
            return wandb_logger("p", None, "n", f"{home}/wandb", "offline", {}, **best, links=f"{home}/links")

        Path(home, "wandb").mkdir()
        logger = timed("wandb: begin", wandb_run)
        timed("wandb: configuration and metrics", lambda: log(logger, told))
        timed("wandb: pictures and tables", lambda: send_to_wandb(contents, pictures))
        timed("wandb: best checkpoint", lambda: logger.keep(run))
        timed("wandb: end", finish_wandb)
        logger = timed("tensorboard: begin", lambda: tensorboard_logger(home))
        timed("tensorboard: configuration and metrics", lambda: log(logger, told))
        timed("tensorboard: end", lambda: logger.finalize("success"))
        logger = timed("trackio: begin", lambda: trackio_logger("p", "n", None, home, f"{home}/databases"))
        timed("trackio: configuration and metrics", lambda: log(logger, told))
        timed("trackio: end", finish_trackio)
    return seconds


def log(logger, told):
    logger.log_hyperparams(told)
    step = 0
    for _ in range(EPOCHS):
        for _ in range(STEPS):
            logger.log_metrics({"train/loss_step": 0.5}, step=step)
            step += 10
        for split in ("train", "val"):
            logger.log_metrics({f"{split}/{name}": 0.5 for name in METRICS}, step=step)
        logger.log_metrics({"lr": 0.1}, step=step)


main()
