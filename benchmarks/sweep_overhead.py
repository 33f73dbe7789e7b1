"""What a trial of a sweep costs beside its training: sweeper, composing, building, Lightning, logging, scoring.

    python benchmarks/sweep_overhead.py                 200 trials of a head on cached features, default images
    python benchmarks/sweep_overhead.py --trials 20 --without-tracker

Prints medians of the seconds of a trial, from the end of the one before to its own, and of those in which it trained.
"""

import argparse
import csv
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--without-tracker", action="store_true", help="no W&B; metrics.csv alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        own = [f"paths.logs={place}/logs", f"trainer.max_epochs={arguments.epochs}", "name=overhead"]
        if arguments.without_tracker:
            own.append("logger.wandb=null")
        command = [sys.executable, "-m", "graft", "train", "sweep=random", *own]
        subprocess.run([*command, f"hydra.sweeper.n_trials={arguments.trials + 1}"], check=True)
        report(Path(place) / "logs" / "sweeps" / "overhead_random")


def report(folder):
    numbers = [int(row["trial"]) for row in csv.DictReader((folder / "trials.csv").open())]
    ends = [(folder / str(number) / "status.json").stat().st_mtime for number in numbers]
    summaries = [json.loads((folder / str(number) / "summary.json").read_text()) for number in numbers]
    walls = [after - before for before, after in itertools.pairwise(ends)]
    trained = [summary["seconds/training"] for summary in summaries[1:]]  # the first computes the features
    beside = [wall - training for wall, training in zip(walls, trained, strict=True)]
    print(f"{len(walls)} trials, {datetime.now():%Y-%m-%d}; seconds of one, medians (10th to 90th percentile):")
    for name, values in (("in all", walls), ("training", trained), ("beside it", beside)):
        low, *_, high = statistics.quantiles(values, n=10)
        print(f"  {name:<10}{statistics.median(values):6.2f}   ({low:.2f} to {high:.2f})")
    for part in ("setup", "features", "scoring"):
        print(f"    {part:<9}{statistics.median(summary[f'seconds/{part}'] for summary in summaries[1:]):5.2f}")


if __name__ == "__main__":
    main()
