"""24 trials of a grid, of TPE, and of TPE with Hyperband, on the default images and sentences.

    python benchmarks/searches.py                       both, searches of seed 0
    python benchmarks/searches.py images --seeds 3      searches drawn by three seeds

The grid lies in the space that the others search. Prints, for each search, the best validation score, the score on the
test split of that one checkpoint, how many trials were pruned, the epochs trained in all, and the seconds of the whole,
which the features do not count in: they are computed beforehand. The sweeps stay in logs/benchmarks/searches; one that
is there is not run again.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

DATA = {  # experiment, and epochs: of batches of 16 there are 100 of images in one, and 900 of sentences
    "images": ["experiment=elpv_feature_extraction", "trainer.max_epochs=27"],
    "sentences": ["experiment=sentiment", "trainer.max_epochs=9"],
}
GRID = ["optimizer.lr=3e-4,1e-3,3e-3,1e-2", "datamodule.batch_size=16,32,128", "task.head.dropout=0,0.3"]
SEARCHES = {"grid": GRID, "tpe": [], "tpe_hyperband": []}


def main():
    arguments = parse()
    print(f"{'':<11}{'search':<15}{'best validation':>16}{'its test':>10}{'pruned':>8}{'epochs':>8}{'seconds':>9}")
    for data in arguments.data or DATA:
        for search in SEARCHES:
            seeds = range(arguments.seeds if search != "grid" else 1)
            report(data, search, [measured(arguments.logs, data, search, seed) for seed in seeds])


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", help=f"of {', '.join(DATA)}; none: both")
    parser.add_argument("--seeds", type=int, default=1, help="of the searches that draw")
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/searches"))
    return parser.parse_args()


def measured(logs, data, search, seed):
    name = f"{data}_{seed}"
    folder = logs / "sweeps" / f"{name}_{search}"
    command = [sys.executable, "-m", "graft", "train", *DATA[data], f"name={name}", f"paths.logs={logs}"]
    if not (folder / "seconds").exists():
        features = ["trainer.max_epochs=1", "test=false", "report=false", "logger.wandb=null"]
        subprocess.run([*command, *features], check=True, stdout=subprocess.DEVNULL)
        began = time.monotonic()
        chosen = [f"sweep={search}", *SEARCHES[search], f"hydra.sweeper.seed={seed}", "logger.wandb=null"]
        subprocess.run([*command, *chosen], check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - began
        subprocess.run([*command, *chosen, "hydra.sweeper.best=test"], check=True, stdout=subprocess.DEVNULL)
        (folder / "seconds").write_text(str(seconds))
    return {**read(folder), "seconds": float((folder / "seconds").read_text())}


def read(folder):
    (best,) = json.loads((folder / "best.json").read_text())
    trials = list(csv.DictReader((folder / "trials.csv").open()))
    (evaluated,) = (folder / str(best["trial"]) / "evaluations").glob("*.json")
    runs = [json.loads((folder / row["trial"] / "summary.json").read_text()) for row in trials]
    return {
        "best": best["values"]["val/auroc"],
        "test": json.loads(evaluated.read_text())["test/auroc"],
        "pruned": sum(row["ending"] == "pruned" for row in trials),
        "epochs": sum(run["epochs"] for run in runs),
    }


def report(data, search, sweeps):
    def cell(key, digits):
        values = [sweep[key] for sweep in sweeps]
        spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.{digits}f}{spread}"

    cells = f"{cell('best', 4):>16}{cell('test', 4):>10}{cell('pruned', 0):>8}{cell('epochs', 0):>8}"
    print(f"{data:<11}{search:<15}{cells}{cell('seconds', 0):>9}", flush=True)


if __name__ == "__main__":
    main()
