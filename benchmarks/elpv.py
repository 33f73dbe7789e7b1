"""Mean and spread over seeds of the ELPV experiments, with pretrained and with random weights, beside the paper's.

    python benchmarks/elpv.py                                         everything, one run after the other
    python benchmarks/elpv.py elpv_feature_extraction --seeds 5
    python benchmarks/elpv.py elpv_finetuning --seeds 3 --weights package

Each seed has a split of its own (datamodule.split.seed): the paper's is not published, and by one of 656 cells alone
accuracies differ by more than a point. Runs that are done are not repeated, so the script can be stopped and started
again.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

PAPER = {"elpv_feature_extraction": 0.8244, "elpv_finetuning": 0.8842}  # Deitsch et al. 2019: SVM, VGG-19
METRICS = ("test/accuracy", "test/macro_f1", "test/auroc", "seconds")


def main():
    arguments = parse()
    for experiment in arguments.experiments:
        for weights in arguments.weights:
            summaries = [run(arguments.logs, experiment, weights, seed) for seed in range(arguments.seeds)]
            report(experiment, weights, summaries)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", default=list(PAPER))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weights", nargs="*", default=["package", "none"])
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/elpv"))
    return parser.parse_args()


def run(logs, experiment, weights, seed):
    folder = logs / f"{experiment}-{weights}-{seed}"
    command = ["graft", "train", f"experiment={experiment}", f"backbone.weights={weights}", f"seed={seed}"]
    command.append(f"datamodule.split.seed={seed}")
    if (folder / "checkpoints" / "last.ckpt").exists():
        command = ["graft", "train", f"resume={folder}"]
    if not (folder / "summary.json").exists():
        program = str(Path(sys.executable).with_name("graft"))
        subprocess.run([program, *command[1:], *destination(command, folder)], check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "summary.json").read_text())


def destination(command, folder):
    return [] if command[-1].startswith("resume=") else [f"hydra.run.dir={folder}"]


def report(experiment, weights, summaries):
    cells = []
    for metric in METRICS:
        values = [summary[metric] for summary in summaries]
        spread = statistics.stdev(values) if len(values) > 1 else float("nan")
        cells.append(f"{metric} {statistics.mean(values):.4g} ± {spread:.2g}")
    print(f"{experiment}, weights={weights}, {len(summaries)} seeds: " + ", ".join(cells))
    print(f"    the paper's accuracy: {PAPER[experiment]:.4f}", flush=True)


if __name__ == "__main__":
    main()
