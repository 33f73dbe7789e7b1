"""A sweep of a head over learning rates, batch sizes and dropouts: 24 runs with and without kept features.

    python benchmarks/cached_sweep.py                    24 runs without, 24 with, then one that nothing is known for
    python benchmarks/cached_sweep.py --uncached 2       of the sweep without, two runs only, their time taken 12 times,
                                                         which is too much: they start up once, as all 24 would
    python benchmarks/cached_sweep.py --image-size 224 --epochs 60 --uncached 1

Processes are timed whole, from the shell's view: start-up, features, training, scores and reports of all runs. With
kept features the folder is empty at the start, so that the first run computes them. Small images and few epochs, that
the sweep without kept features ends in a day's coffee break; 224 px and 60 epochs are the default run's.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

RATES, BATCHES, DROPOUTS = "0.001,0.003,0.01,0.03", "16,32,64", "0,0.2"
RUNS = 24
PART = {"dropouts": "0", "batches": "32"}
COMMON = ["callbacks.early_stopping=null", "logger.wandb=null", "callbacks.progress=null"]


def main():
    arguments = parse()
    shutil.rmtree(arguments.logs, ignore_errors=True)
    size = [f"backbone.image_size={arguments.image_size}", f"trainer.max_epochs={arguments.epochs}"]
    single, alone = timed(arguments.logs / "single", [*COMMON, *size, "cache.enabled=false"], False)
    cached, with_cache = timed(arguments.logs / "cached", [*COMMON, *size, f"cache.folder={arguments.logs}/features"])
    if arguments.uncached == 1:
        uncached, without = single, alone
    else:
        part = {} if arguments.uncached == RUNS else PART | {"rates": first(arguments.uncached)}
        uncached, without = timed(arguments.logs / "uncached", [*COMMON, *size, "cache.enabled=false"], **part)
    uncached *= RUNS / len(without)
    print(f"{RUNS} runs, {arguments.epochs} epochs, {arguments.image_size} px")
    print(f"one run, cache off     {single:8.1f} s")
    print(f"sweep,   cache off     {uncached:8.1f} s   ({len(without)} runs timed), best {max(without.values()):.4f}")
    print(f"sweep,   cache on      {cached:8.1f} s   best {max(with_cache.values()):.4f}")
    print(f"on / off {cached / uncached:.4f} = 1/{uncached / cached:.1f}; on / one run {cached / single:.2f}")
    apart = max(abs(with_cache[point] - score) for point, score in without.items())
    print(f"validation AUROC of the same run at most {apart:.5f} apart, over {len(without)} runs")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--uncached", type=int, default=RUNS, choices=[1, 2, 3, 4, RUNS])
    parser.add_argument("--logs", type=Path, default=Path("logs/benchmarks/cached_sweep").absolute())
    return parser.parse_args()


def first(count):
    return ",".join(RATES.split(",")[:count])


def timed(folder, overrides, many=True, rates=RATES, batches=BATCHES, dropouts=DROPOUTS):
    """Seconds of a process, and the best validation score of each of its runs by learning rate, batch and dropout."""
    command = [Path(sys.executable).with_name("graft"), "train", *overrides]
    if many:
        command += ["-m", f"optimizer.lr={rates}", f"datamodule.batch_size={batches}", f"task.head.dropout={dropouts}"]
        command += [f"hydra.sweep.dir={folder}"]
    else:
        command += [f"hydra.run.dir={folder}"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    return seconds, {point(path.parent): json.loads(path.read_text())["val/auroc"] for path in summaries(folder)}


def summaries(folder):
    return sorted(folder.rglob("summary.json"))


def point(run):
    import yaml

    config = yaml.safe_load((run / "config.yaml").read_text())
    return config["optimizer"]["lr"], config["datamodule"]["batch_size"], config["task"]["head"]["dropout"]


if __name__ == "__main__":
    main()
