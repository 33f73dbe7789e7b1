"""How long `graft compare` takes for a thousand runs: the table alone, and with CSV and page.

    python benchmarks/compare.py <run folder>                   a finished run, of which the others are made
    python benchmarks/compare.py <run folder> --runs 5000
    python benchmarks/compare.py <run folder> --keep made       where they stay; else they are removed

The folders are copies of the run's config, environment, status, summary and metrics, with other settings (rate, decay,
dropout, batch size, strategy, each with what goes with it), seeds, scores and curves of 30 epochs. Three of ten are
pruned, one of fifty failed. Each command is a process of its own, timed whole, three times.
"""

import argparse
import copy
import csv
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

EPOCHS = 30
SEEDS = 2
TURNS = 3
GRAFT = str(Path(sys.executable).with_name("graft"))
STRATEGIES = {"feature_extraction": 2562, "layerwise": 1_700_000, "full_finetuning": 3_373_570}


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary) / "made"
        make(arguments.run, folder, arguments.runs)
        report(folder, arguments.runs)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="folder for the runs")
    return parser.parse_args()


def make(run, folder, runs):
    """Writes the run folders; the same each time."""
    config = yaml.safe_load((run / "config.yaml").read_text())
    status, summary = (json.loads((run / name).read_text()) for name in ("status.json", "summary.json"))
    environment = (run / "environment.json").read_text()
    columns = (run / "metrics.csv").read_text().splitlines()[0].split(",")
    draw, chosen = random.Random(0), {}
    for number in range(runs):
        seed = number % SEEDS
        chosen = chosen if seed else settings(draw)
        target = folder / str(number)
        target.mkdir(parents=True)
        curve = learnt(draw, chosen, config["mode"])
        ending = "failed" if number % 50 == 0 else "pruned" if number % 10 in (1, 2, 3) else "done"
        curve = curve[: 4 if ending == "pruned" else EPOCHS]
        (target / "config.yaml").write_text(yaml.safe_dump(configured(config, chosen, seed), sort_keys=False))
        (target / "environment.json").write_text(environment)
        write_status(target, status, ending)
        write_curve(target, columns, config["monitor"], curve, chosen["optimizer.lr"])
        if ending != "failed":
            write_summary(target, summary, config, chosen, seed, curve, ending, draw)


def settings(draw):
    return {
        "optimizer.lr": 10 ** draw.uniform(-4, -1),
        "optimizer.weight_decay": 10 ** draw.uniform(-6, -1),
        "task.head.dropout": round(draw.uniform(0, 0.5), 3),
        "datamodule.batch_size": draw.choice([16, 32, 64, 128]),
        "strategy.name": draw.choice(list(STRATEGIES)),
    }


def configured(config, chosen, seed):
    made = copy.deepcopy(config)
    made["seed"] = seed
    for key, value in chosen.items():
        *groups, name = key.split(".")
        part = made
        for group in groups:
            part = part[group]
        part[name] = value
    made["strategy"]["phases"][0]["train"] = chosen["strategy.name"]
    return made


def learnt(draw, chosen, mode):
    """A curve that the settings shape: the rate most, then the strategy; decay not at all."""
    away = abs(math.log10(chosen["optimizer.lr"]) + 2.3)
    strategy = list(STRATEGIES).index(chosen["strategy.name"])
    best = 0.93 - 0.06 * away + 0.02 * strategy - 0.05 * chosen["task.head.dropout"] + draw.gauss(0, 0.006)
    values = [best - 0.3 / (1 + epoch) + draw.gauss(0, 0.004) for epoch in range(EPOCHS)]
    return values if mode == "max" else [1 - value for value in values]


def write_status(target, status, ending):
    state = "failed" if ending == "failed" else "done"
    message = "The training loss became nan in step 12: lower optimizer.lr." if ending == "failed" else None
    (target / "status.json").write_text(json.dumps({**status, "state": state, "message": message}, indent=2))


def write_curve(target, columns, monitor, curve, rate):
    with (target / "metrics.csv").open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        for epoch, value in enumerate(curve):
            cells = {"epoch": epoch, "step": 20 * epoch + 19, monitor: value}
            lines.writerow([cells.get(name, rate if name.startswith("lr-") else value) for name in columns])


def write_summary(target, summary, config, chosen, seed, curve, ending, draw):
    best = (max if config["mode"] == "max" else min)(curve)
    scores = {name: best + draw.gauss(0, 0.01) for name in summary if name.startswith(("val/", "test/"))}
    trainable = STRATEGIES[chosen["strategy.name"]]
    made = {**summary, **scores, config["monitor"]: best, "seed": seed, "parameters/trainable": trainable}
    made["seconds"] = (20 + trainable / 1e4) * draw.uniform(0.9, 1.3) * len(curve) / EPOCHS
    if ending == "pruned":
        made["pruned_at"] = len(curve) - 1
    (target / "summary.json").write_text(json.dumps(made, indent=2))


def report(folder, runs):
    out = folder.parent / "out"
    out.mkdir(exist_ok=True)
    page, table = out / "page.html", out / "table.csv"
    ways = {"table": [], "table, CSV and page": ["--csv", str(table), "--html", str(page)]}
    for name, words in ways.items():
        seconds = []
        for _ in range(TURNS):
            started = time.perf_counter()
            subprocess.run([GRAFT, "compare", str(folder), *words], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
        spread = ", ".join(f"{each:.2f}" for each in seconds)
        print(f"{runs:,} runs, {name:<20} {statistics.median(seconds):6.2f} s  ({spread})", flush=True)
    print(f"page: {page.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
