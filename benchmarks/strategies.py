"""Every way to transfer, on both default tasks, from few labelled examples to all: what docs/strategies.md shows.

    python benchmarks/strategies.py                                       everything, then the page
    python benchmarks/strategies.py elpv --methods lora dora --shots 5 20 a part of it
    python benchmarks/strategies_page.py                                  the page and the plot, from what is there

Two runs go side by side, one thread each. It can be stopped and started again: a run that is done has a line in
benchmarks/results/strategies.csv and is not repeated. The whole is meant for three hours on two cores.

The learning rate of a method is the best of three by AUROC on validation data, at 20 examples a class and seed 0
(benchmarks/results/rates.csv), and serves all numbers of examples. Everything else is the same for all methods of a
task: steps, batches, input size, schedule. Nothing is chosen by validation data within a run, save what is part of the
method (the strength of the probe, the k of k-NN, the stage of surgical, the alpha of WiSE-FT): the last step is tested.
Each seed has a split of its own.
"""

import argparse
import csv
import itertools
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

RESULTS = Path(__file__).with_name("results") / "strategies.csv"
RATES = RESULTS.with_name("rates.csv")
METRICS = ("test/accuracy", "test/macro_f1", "test/auroc", "parameters/trainable", "seconds", "memory/peak_mib")
KEYS = ("data", "method", "shots", "seed")

LARGE = ("0.0001", "0.0003", "0.001")  # where pretrained weights change
SMALL = ("0.001", "0.003", "0.01")  # where few or new parameters do
SOLVED = ("0.001",)  # where nothing is learnt by steps, and the rate is of no account
METHODS = {
    "feature_extraction": (["strategy=feature_extraction"], SMALL),
    "linear_probe": (["strategy=linear_probe"], SOLVED),
    "knn": (["strategy=knn"], SOLVED),
    "full_finetuning": (["strategy=full_finetuning"], LARGE),
    "discriminative": (["strategy=discriminative"], LARGE),
    "full_finetuning + l2sp": (["strategy=full_finetuning", "penalty=l2sp"], LARGE),
    "lp_ft": (["strategy=lp_ft"], LARGE),
    "lp_ft + wise_ft": (["strategy=lp_ft", "average=wise_ft"], LARGE),
    "gradual_unfreezing": (["strategy=gradual_unfreezing", "strategy.k=3", "strategy.phases.0.epochs={fifth}"], LARGE),
    "layerwise": (["strategy=layerwise"], LARGE),
    "surgical": (["strategy=surgical", "strategy.trial_epochs={tenth}"], LARGE),
    "bitfit": (["strategy=bitfit"], SMALL),
    "norm_only": (["strategy=norm_only"], SMALL),
    "lora": (["strategy=lora"], SMALL),
    "dora": (["strategy=dora"], SMALL),
    "ia3": (["strategy=ia3"], SMALL),
    "feature_extraction, random weights": (["strategy=feature_extraction", "backbone.weights=none"], SMALL),
    "full_finetuning, random weights": (["strategy=full_finetuning", "backbone.weights=none"], LARGE),
}
FEATURES = ("feature_extraction", "linear_probe", "knn")  # computed once, of images as they are

TASKS = {
    "elpv": [
        "experiment=elpv_feature_extraction",
        "backbone.image_size=64",
        "trainer.precision=32-true",  # on a CPU the backward pass of depthwise convolutions is slower in bf16
        "datamodule.num_workers=0",
        "datamodule.eval_batch_size=32",
        "trainer.gradient_clip_val=5.0",
    ],
    "sentiment": ["experiment=sentiment", "datamodule.split.val=0.05", "trainer.gradient_clip_val=1.0"],
}
ALL = {
    "elpv": ["datamodule.batch_size=16"],
    "sentiment": ["datamodule.batch_size=32"],
}
EPOCHS_OF_ALL = 4  # gradual unfreezing has four phases
EIGHTHS = "+trainer.limit_train_batches=0.125"  # of the sentences, drawn anew in each epoch: in all half a pass
FEW = {"5": (10, 40), "20": (16, 20), "100": (16, 8)}  # samples a step, epochs: 40, 60 and 104 steps
SCORED = "datamodule.limit=1000"  # test samples, where the training samples are few; only the sentences have more


def main():
    arguments = parse()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        chosen = [(data, method) for data in arguments.data for method in arguments.methods]
        rates = dict(zip(chosen, pool.map(lambda pair: best_rate(arguments.logs, *pair), chosen), strict=True))
        points = [(*pair, shots) for shots, pair in itertools.product(arguments.shots, chosen)]
        for line in pool.map(lambda point: measure(arguments.logs, *point, rates[point[:2]]), points):
            print(line, flush=True)
    subprocess.run([sys.executable, Path(__file__).with_name("strategies_page.py")], check=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=list(TASKS), help="elpv, sentiment; default: both")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=METHODS, metavar="METHOD")
    parser.add_argument("--shots", nargs="*", default=[*FEW, "all"], choices=[*FEW, "all"])
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one thread each")
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/strategies"))
    return parser.parse_args()


def best_rate(logs, data, method):
    """The learning rate with the best AUROC on validation data."""
    candidates = METHODS[method][1]
    if len(candidates) == 1:
        return candidates[0]
    rows = [row for row in lines(RATES) if (row["data"], row["method"]) == (data, method)]
    known = {row["lr"]: float(row["val/auroc"]) for row in rows}
    missing = [rate for rate in candidates if rate not in known]
    own = [*overrides(data, method, "20"), "seed=0", "datamodule.split.seed=0"]
    for rate, summary in sweep(logs / "rates" / data / method, own, "optimizer.lr", missing).items():
        known[rate] = summary["val/auroc"]
        append(RATES, {"data": data, "method": method, "lr": rate, "val/auroc": known[rate]})
    return max(candidates, key=known.get)


def measure(logs, data, method, shots, rate):
    """Brings the lines of a point's seeds into the results."""
    rows = [row for row in lines(RESULTS) if (row["data"], row["method"], row["shots"]) == (data, method, shots)]
    done = {row["seed"] for row in rows}
    missing = [str(seed) for seed in range(2 if shots == "all" else 5) if str(seed) not in done]
    own = [*overrides(data, method, shots), f"optimizer.lr={rate}", "datamodule.split.seed=${seed}"]
    summaries = sweep(logs / shots / data / method, own, "seed", missing)
    for seed, summary in summaries.items():
        point = dict(zip(KEYS, (data, method, shots, seed), strict=True))
        append(RESULTS, {**point, "lr": rate, **{metric: summary[metric] for metric in METRICS}})
    accuracies = ", ".join(f"{summary['test/accuracy']:.3f}" for summary in summaries.values())
    return f"{data}, {method}, {shots} examples a class, learning rate {rate}: {accuracies or 'known'}"


def overrides(data, method, shots):
    if shots == "all":
        epochs, size = EPOCHS_OF_ALL, ALL[data]
    else:
        batch, epochs = FEW[shots]
        size = [f"datamodule.shots={shots}", f"datamodule.batch_size={batch}", SCORED]
    own = [override.format(fifth=max(1, epochs // 5), tenth=max(1, epochs // 10)) for override in METHODS[method][0]]
    if method.startswith(FEATURES):
        epochs = 60  # a head on features that are kept costs next to nothing: it may take its time
    elif data == "elpv":
        own.append("augmentation=dihedral")
    elif shots == "all":
        own.append(EIGHTHS)
    length = [f"trainer.max_epochs={epochs}", f"trainer.check_val_every_n_epoch={epochs}", "scheduler.warmup=0.1"]
    # Checkpoints are large; WiSE-FT takes the mean of one and the start.
    best = [] if "wise_ft" in method else ["callbacks.best=null"]
    quiet = ["callbacks.last=null", "callbacks.progress=null", "logger.wandb=null", "bootstrap=0"]
    quiet.append("cache.folder=${paths.run_dir}/features")  # seconds of a run are its own, whichever was first
    return [*TASKS[data], *size, *own, *length, *best, *quiet]


def sweep(folder, overrides, key, values):
    """Trains once for each value of the key, all in one process; summaries by value."""
    folder = plain(folder)
    todo = [value for value in values if not (folder / value / "summary.json").exists()]
    for value in todo:
        shutil.rmtree(folder / value, ignore_errors=True)  # what a stopped sweep has left
    if todo:
        folder.mkdir(parents=True, exist_ok=True)
        command = [Path(sys.executable).with_name("graft"), "train", "-m", *overrides, f"{key}={','.join(todo)}"]
        command += [f"hydra.sweep.dir={folder}", f"hydra.sweep.subdir=${{{key}}}"]
        one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
        with (folder / "output.txt").open("w") as output:
            done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=one_thread)
        for value in todo:
            shutil.rmtree(folder / value / "checkpoints", ignore_errors=True)  # hundreds of MB a run
            shutil.rmtree(folder / value / "features", ignore_errors=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}\nfailed: {folder / 'output.txt'}")
    return {value: json.loads((folder / value / "summary.json").read_text()) for value in values}


def plain(folder):
    return Path(str(folder).replace(" ", "_").replace(",", ""))


_writing = Lock()


def append(path, row):
    with _writing:
        new = not path.exists()
        path.parent.mkdir(exist_ok=True)
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)


def lines(path):
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
