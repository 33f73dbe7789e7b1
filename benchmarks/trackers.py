"""What a tracker costs a run: seconds to begin, for the metrics of 60 epochs, for what a run ends with, and to end.

    python benchmarks/trackers.py logs/runs/<name>/<date_time>

The run is a finished one, whose pictures, tables and best checkpoint W&B is given, offline. Each turn is a process of
its own that has imported what every run needs; the least of the turns counts.
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
        print(json.dumps(turn(Path(sys.argv[1]), sys.argv[2])))
        return
    for tracker in ("wandb", "trackio", "tensorboard"):
        turns = []
        for _ in range(TURNS):
            done = subprocess.run([sys.executable, __file__, sys.argv[1], tracker], stdout=subprocess.PIPE, check=True)
            turns.append(json.loads(done.stdout.splitlines()[-1]))
        for part in turns[0]:
            print(f"{tracker + ': ' + part:<40}{min(each[part] for each in turns):6.2f} s", flush=True)


def turn(folder, tracker):
    import graft.fitting  # noqa: F401
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

    def timed(part, work):
        started = time.perf_counter()
        made = work()
        seconds[part] = time.perf_counter() - started
        return made

    with tempfile.TemporaryDirectory() as home:
        best = {"monitor": contents.monitor, "goal": contents.mode, "checkpoint": True}
        begin, end = {
            "wandb": (lambda: wandb_logger("p", None, "n", home, "offline", {}, **best), finish_wandb),
            "trackio": (lambda: trackio_logger("p", "n", None, home, f"{home}/databases"), finish_trackio),
            "tensorboard": (lambda: tensorboard_logger(home), lambda: None),
        }[tracker]
        logger = timed("begin", begin)
        timed("configuration and metrics", lambda: log(logger, told))
        if tracker == "wandb":
            timed("best checkpoint", lambda: logger.keep(run))
            timed("pictures and tables", lambda: send_to_wandb(contents, pictures))
        logger.finalize("success")
        timed("end", end)
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
