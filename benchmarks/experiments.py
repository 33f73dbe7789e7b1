"""Both default experiments, three strategies each, from pretrained and from random weights: mean and spread over seeds.

    python benchmarks/experiments.py                                       everything, one run after the other
    python benchmarks/experiments.py elpv --strategies feature_extraction --seeds 5
    python benchmarks/experiments.py sentiment --strategies layerwise full_finetuning --weights package

Each seed has a split of its own (datamodule.split.seed), for by one test split alone accuracies differ by more than a
point. Layerwise fine-tuning is the recipe of full fine-tuning with strategy=layerwise. A run that is done has a line in
benchmarks/results/experiments.csv and is not repeated, one that was stopped goes on; so the script can be stopped and
started again; without its line it is run anew. Feature extraction and full fine-tuning of elpv were measured before
lines were kept: their means and deviations stand in configs/experiment alone.
"""

import argparse
import csv
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

FLOAT32 = "trainer.precision=32-true"  # on a CPU the backward pass of depthwise convolutions is slower in bf16
RECIPES = {
    "elpv": {
        "feature_extraction": ["experiment=elpv_feature_extraction"],
        "layerwise": ["experiment=elpv_finetuning", "strategy=layerwise", FLOAT32],
        "full_finetuning": ["experiment=elpv_finetuning", FLOAT32],
    },
    "sentiment": {
        "feature_extraction": ["experiment=sentiment"],
        "layerwise": ["experiment=sentiment_finetuning", "strategy=layerwise"],
        "full_finetuning": ["experiment=sentiment_finetuning"],
    },
}
PUBLISHED = {"elpv": "accuracy of Deitsch et al. 2019: SVM .8244, fine-tuned VGG-19 .8842; split unpublished"}
METRICS = ("test/accuracy", "test/macro_f1", "test/auroc", "seconds")
RESULTS = Path(__file__).with_name("results") / "experiments.csv"
KEYS = ("data", "strategy", "weights", "seed")


def main():
    arguments = parse()
    for data in arguments.data:
        for strategy in arguments.strategies:
            for weights in arguments.weights:
                seeds = range(arguments.seeds or (5 if strategy == "feature_extraction" else 3))
                rows = [result(arguments.logs, data, strategy, weights, seed) for seed in seeds]
                report(f"{data} {strategy} weights={weights}", rows)
        print(PUBLISHED.get(data, ""), flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=list(RECIPES), help="elpv, sentiment; default: both")
    parser.add_argument("--strategies", nargs="*", default=["feature_extraction", "layerwise", "full_finetuning"])
    parser.add_argument("--weights", nargs="*", default=["package", "none"])
    parser.add_argument("--seeds", type=int, help="default: 5 of feature extraction, 3 of the others")
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks"))
    return parser.parse_args()


def result(logs, *point):
    """The line of a run, which is run where there is none."""
    key = dict(zip(KEYS, map(str, point), strict=True))
    for row in known():
        if all(row[name] == value for name, value in key.items()):
            return row
    data, strategy, weights, seed = point
    summary = run(logs / data, RECIPES[data][strategy], strategy, weights, seed)
    row = {**key, **{metric: summary[metric] for metric in METRICS}}
    new = not RESULTS.exists()
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*KEYS, *METRICS], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
    return row


def known():
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="") as file:
        return list(csv.DictReader(file))


def run(logs, recipe, strategy, weights, seed):
    folder = logs / f"{strategy}-{weights}-{seed}"
    overrides = [*recipe, f"backbone.weights={weights}", f"seed={seed}", f"datamodule.split.seed={seed}"]
    overrides += ["logger.wandb=null", f"hydra.run.dir={folder}"]
    if (folder / "checkpoints" / "last.ckpt").exists():
        overrides = [f"resume={folder}"]
    elif not (folder / "summary.json").exists():
        shutil.rmtree(folder, ignore_errors=True)  # stopped before its first epoch was over
    if not (folder / "summary.json").exists():
        program = str(Path(sys.executable).with_name("graft"))
        subprocess.run([program, "train", *overrides], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "summary.json").read_text())


def report(title, rows):
    cells = []
    for metric in METRICS:
        values = [float(row[metric]) for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        cells.append(f"{metric} {statistics.mean(values):.4g} ± {spread:.2g}")
    print(f"{title}, {len(rows)} seeds: " + ", ".join(cells), flush=True)


if __name__ == "__main__":
    main()
