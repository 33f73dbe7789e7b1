"""LP-FT against full fine-tuning in and out of the training domain, on real weights: MiniLM, sentences.

    python benchmarks/out_of_distribution.py

Kumar et al., ICLR 2022: fine-tuning is better in the training domain and may be worse out of it than a linear probe;
from the probe's head on it is as good in and better out. Here movie reviews are learnt from (500 a class, or --shots)
and scored are movie reviews, in, and product reviews, editorials and tweets, out. The learning rate of a method is the
best of three by AUROC on validation data, which are movie reviews, of seed 0. With fewer examples there are more
epochs, so that all numbers of examples take as many steps. Each seed has a split of its own, and its runs share it, so
that differences are of pairs. Lines go to benchmarks/results/out_of_distribution.csv; runs that are done are not
repeated.
"""

import argparse
import json
import statistics
from pathlib import Path

from strategies import RESULTS, append, lines, plain, sweep

LINES = RESULTS.with_name("out_of_distribution.csv")
RATES = ("0.0001", "0.0003", "0.001")
METHODS = {
    "linear_probe": (["strategy=linear_probe"], RATES[:1]),
    "full_finetuning": (["strategy=full_finetuning"], RATES),
    "lp_ft": (["strategy=lp_ft"], RATES),
    "lp_ft + wise_ft": (["strategy=lp_ft", "average=wise_ft"], RATES),
}
SAMPLES = 2 * 500 * 4  # drawn in all, in steps of 32
OUTSIDE = ("products", "editorials", "tweets")
COMMON = [
    "experiment=sentiment",
    "datamodule.train_domains=[movies]",
    "datamodule.split.val=0.05",
    "trainer.gradient_clip_val=1.0",
    "scheduler.warmup=0.1",
    "callbacks.last=null",
    "callbacks.progress=null",
    "logger.wandb=null",
    "bootstrap=0",
]


def main():
    arguments = parse()
    for method in arguments.methods or METHODS:
        measure(arguments, method)
    for method in METHODS:
        report(method, [row for row in lines(LINES) if (row["method"], row["shots"]) == (method, arguments.shots)])
    report_pairs(arguments.shots)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", default="500", help="sentences a class")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="none: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/out_of_distribution"))
    return parser.parse_args()


def measure(arguments, method):
    folder = arguments.logs / arguments.shots / method
    epochs = max(1, SAMPLES // (2 * int(arguments.shots)))
    length = [f"trainer.max_epochs={epochs}", f"trainer.check_val_every_n_epoch={epochs}"]
    own = [*COMMON, *METHODS[method][0], *length, f"datamodule.shots={arguments.shots}"]
    known = {
        row["seed"]: row["lr"] for row in lines(LINES) if (row["method"], row["shots"]) == (method, arguments.shots)
    }
    missing = [str(seed) for seed in range(arguments.seeds) if str(seed) not in known]
    if not missing:
        return
    rate = next(iter(known.values()), None) or best_rate(folder, own, METHODS[method][1])
    for seed in missing:
        seeded = [*own, f"optimizer.lr={rate}", "datamodule.split.seed=${seed}"]
        (summary,) = sweep(folder / "seeds", seeded, "seed", [seed]).values()
        scores = json.loads((plain(folder / "seeds") / seed / "scores.json").read_text())["facets"]["domain"]
        inside, outside = accuracies(scores)
        row = {"method": method, "shots": arguments.shots, "seed": seed, "lr": rate, "in": inside, "out": outside}
        append(LINES, {**row, "val/auroc": summary["val/auroc"]})


def best_rate(folder, overrides, rates):
    if len(rates) == 1:
        return rates[0]
    seeded = [*overrides, "seed=0", "datamodule.split.seed=0", "test=false"]
    summaries = sweep(folder / "rates", seeded, "optimizer.lr", rates)
    return max(rates, key=lambda rate: summaries[rate]["val/auroc"])


def accuracies(scores):
    outside = [scores[name]["accuracy"] for name in OUTSIDE]
    return scores["movies"]["accuracy"], statistics.mean(outside)


def report(method, rows):
    if len(rows) > 1:
        cells = [f"{place} {spread([float(row[place]) for row in rows])}" for place in ("in", "out")]
        print(f"{method:<18}{'  '.join(cells)}  learning rate {rows[0]['lr']}, {len(rows)} seeds", flush=True)


def report_pairs(shots):
    by_seed = {(row["method"], row["seed"]): float(row["out"]) for row in lines(LINES) if row["shots"] == shots}
    for method in ("lp_ft", "lp_ft + wise_ft"):
        seeds = [seed for name, seed in by_seed if name == method and ("full_finetuning", seed) in by_seed]
        differences = [by_seed[method, seed] - by_seed["full_finetuning", seed] for seed in seeds]
        if len(differences) > 1:
            better = sum(difference > 0 for difference in differences)
            print(f"{method} - full_finetuning, out: {spread(differences)}, better on {better} of {len(differences)}")


def spread(values):
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f} %"


if __name__ == "__main__":
    main()
