"""The default tasks with Graft and with what people use: whole processes, same weights, splits, samples and epochs.

    pip install fastai && python benchmarks/against_others.py              both tasks, frozen and full
    python benchmarks/against_others.py elpv --modes frozen --sides graft fastai

Others run as their documentation has it (benchmarks/others/); Graft runs by its defaults, with its tracker, report and
checkpoints, its cache of features empty at the start. Every side trains, validates after each epoch and scores the test
split. With frozen backbones Graft is also timed at 10 and 30 epochs; of the others, whose epochs are all alike, these
times follow from those of 1 and 3 epochs, which is said. One line a side: seconds and test accuracy.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

from graft.backbones.weights import package_file
from graft.build import build_backbone, build_datamodule
from graft.config.compose import composed
from graft.expected_warnings import ignore_expected_warnings

OTHERS = Path(__file__).parent / "others"
SIDES = {
    "elpv": ("graft", "fastai_images", "trainer_images", "lightning_images"),
    "sentiment": ("graft", "trainer_texts"),
}
RECIPE = {"elpv": [], "sentiment": ["experiment=sentiment"]}
FROZEN = ["strategy=feature_extraction", "optimizer.lr=0.01"]
FULL = {
    "elpv": ["strategy=full_finetuning", "optimizer.lr=0.0003"],
    "sentiment": ["strategy=full_finetuning", "optimizer.lr=0.0001"],
}
EPOCHS = {"frozen": (1, 3), "full": (1,)}
MORE = (10, 30)  # of frozen epochs: measured for Graft, reckoned for the others


def main():
    ignore_expected_warnings()
    arguments = parse()
    for data in arguments.data:
        folder = arguments.logs / data
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        samples, weights = prepare(data, folder)
        for mode in arguments.modes:
            sides = [side for side in SIDES[data] if not arguments.sides or side in arguments.sides]
            timed = {side: measure(side, data, mode, folder, samples, weights) for side in sides}
            if mode == "frozen":
                report_more(timed)
            report_ratios(timed, mode)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", default=list(SIDES))
    parser.add_argument("--modes", nargs="*", default=list(EPOCHS), choices=EPOCHS)
    parser.add_argument("--sides", nargs="*", help="default: all")
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/against_others").absolute())
    return parser.parse_args()


def prepare(data, folder):
    """Graft's splits as a table of files or texts, and the weights: of images a file, of texts transformers' folder."""
    cfg = composed("train", [*RECIPE[data], "paths.run_dir=."])
    backbone = build_backbone(cfg)
    datamodule = build_datamodule(cfg, backbone)
    table = datamodule.table
    with (folder / "samples.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample", "target", "split"])
        for split, rows in datamodule.splits.items():
            for row in rows.tolist():
                sample = table.load.root / table.ids[row] if data == "elpv" else table.load(row)
                writer.writerow([sample, table.targets[row], split])
    if data == "elpv":
        torch.save(backbone.model.state_dict(), folder / "weights.pt")
        return folder / "samples.csv", folder / "weights.pt"
    package = cfg.backbone.package
    file = package_file(package.distribution, f"{package.folder}/model.safetensors", package.sha256)
    return folder / "samples.csv", file.parent


def measure(side, data, mode, folder, samples, weights):
    """Seconds of whole processes by epochs."""
    timed = {}
    for epochs in (*EPOCHS[mode], *(MORE if side == "graft" and mode == "frozen" else ())):
        own = folder / f"{side}_{mode}_{epochs}"
        own.mkdir()
        started = time.perf_counter()
        accuracy = (
            graft(data, mode, epochs, own) if side == "graft" else other(side, mode, epochs, own, samples, weights)
        )
        timed[epochs] = time.perf_counter() - started
        print(f"{data} {mode} {epochs:>2} epochs {side:<17}{timed[epochs]:8.1f} s   {100 * accuracy:.1f} %", flush=True)
    return timed


def graft(data, mode, epochs, folder):
    command = [
        Path(sys.executable).with_name("graft"),
        "train",
        *RECIPE[data],
        *(FROZEN if mode == "frozen" else FULL[data]),
    ]
    command += [f"trainer.max_epochs={epochs}", f"hydra.run.dir={folder}/run", f"cache.folder={folder}/features"]
    run(command, folder)
    return json.loads((folder / "run" / "summary.json").read_text())["test/accuracy"]


def other(side, mode, epochs, folder, samples, weights):
    output = run([sys.executable, OTHERS / f"{side}.py", samples, weights, epochs, mode], folder)
    return json.loads(output.splitlines()[-1])["accuracy"]


def run(command, folder):
    quiet = os.environ | {"WANDB_MODE": "offline", "TQDM_DISABLE": "1"}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=quiet, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def report_more(timed):
    for side, seconds in timed.items():
        for epochs in MORE:
            if epochs not in seconds:
                seconds[epochs] = seconds[1] + (epochs - 1) * (seconds[3] - seconds[1]) / 2
                print(f"{epochs} epochs {side:<17}{seconds[epochs]:8.1f} s, reckoned from 1 and 3")


def report_ratios(timed, mode):
    for side, seconds in timed.items():
        if side != "graft" and "graft" in timed:
            ratios = [f"{epochs} epochs {value / timed['graft'][epochs]:.1f}" for epochs, value in seconds.items()]
            print(f"{mode}: {side} / graft: {', '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()
