"""What it costs to compute features and keep them: against the bare forward pass, and as the data grow.

    python benchmarks/cache_build.py throughput      the default task, beside the same network on tensors in memory
    python benchmarks/cache_build.py growth          1,000, 10,000 and 100,000 small images: peak memory, wall time

Throughput: the whole build (files read and decoded, images resized, features computed, written and synced), the same
with the images decoded before, and the network alone on tensors in memory, folded, in the same precision, memory format
and batches. All three in turn, five times; ratios of medians.

Growth: random images of 32 px in a folder, `test_vit` of timm. Each size has a process of its own, which reads the
table, makes the splits and then the features of all of them. Timed, and looked at for its peak, is the last of these;
the table itself, names and hashes of the samples, grows with them and is part of "mib" (Linux only).
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from graft.build import build_backbone, build_datamodule, build_strategy, build_task, build_trainer
from graft.config.compose import composed
from graft.expected_warnings import ignore_expected_warnings
from graft.features.extract import extracting
from graft.kept import known_features

SPLITS = ("train", "val", "test")
TURNS = 5
SIZES = (1_000, 10_000, 100_000)


def main():
    ignore_expected_warnings()
    arguments = parse()
    {"throughput": throughput, "growth": growth, "one": one}[arguments.what](arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["throughput", "growth", "one"], help="one: a process of growth")
    parser.add_argument("words", nargs="*", help="overrides of the configuration")
    return parser.parse_args()


def built(*overrides):
    cfg = composed("train", ["logger=[]", "callbacks=[]", "paths.run_dir=.", *overrides])
    backbone = build_backbone(cfg)
    strategy = build_strategy(cfg, backbone)
    datamodule = build_datamodule(cfg, backbone)
    task = build_task(cfg, backbone, strategy, datamodule.targets())
    return cfg, build_trainer(cfg, [], []), task, datamodule


def throughput(arguments):
    with tempfile.TemporaryDirectory() as folder:
        cfg, trainer, task, datamodule = built(*arguments.words, f"cache.folder={folder}")
        rows = np.concatenate(list(datamodule.splits.values()))
        batches = list(datamodule.loader_of(rows))
        seconds = {"build": [], "build, decoded before": [], "network alone": []}
        for _ in range(TURNS):
            seconds["network alone"].append(timed(lambda: network_alone(trainer, task, batches)))
            seconds["build"].append(timed(lambda: build(folder, cfg, trainer, task, datamodule)))
            with decoded(datamodule, batches):
                seconds["build, decoded before"].append(timed(lambda: build(folder, cfg, trainer, task, datamodule)))
    medians = {name: statistics.median(turns) for name, turns in seconds.items()}
    for name, median in medians.items():
        share = medians["network alone"] / median
        print(f"{name:<22}{len(rows) / median:8.1f} images/s   {share:.2f} of the network alone's")


def timed(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def build(folder, cfg, trainer, task, datamodule):
    shutil.rmtree(folder, ignore_errors=True)
    known_features(cfg, trainer, task, datamodule, SPLITS)


def network_alone(trainer, task, batches):
    with extracting(task.backbone, trainer.strategy.root_device, trainer.precision_plugin.forward_context) as compute:
        for _ in compute(batches):
            pass


@contextmanager
def decoded(datamodule, batches):
    """In the meantime the datamodule's loader gives samples out of these batches, which are in memory."""
    inputs = torch.cat([batch["inputs"] for batch in batches])
    places = {row: place for place, row in enumerate(torch.cat([batch["index"] for batch in batches]).tolist())}
    size = datamodule.eval_batch_size

    def loader_of(rows, epoch=None):
        for start in range(0, len(rows), size):
            index = torch.from_numpy(rows[start : start + size])
            of_batch = inputs[[places[row] for row in index.tolist()]]
            yield {"index": index, "inputs": of_batch.contiguous(memory_format=torch.channels_last)}

    datamodule.loader_of = loader_of
    try:
        yield
    finally:
        del datamodule.loader_of


def growth(arguments):
    figures = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            images(Path(folder) / "images", size)
            words = [f"datamodule.root={folder}/images", f"cache.folder={folder}/features", *arguments.words]
            command = [sys.executable, __file__, "one", *words]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        figures.append(json.loads(done.stdout.splitlines()[-1]))
        said = ", ".join(f"{name} {value:,.1f}" for name, value in figures[-1].items())
        print(f"{size:>7,} images: {said}", flush=True)
    for name in figures[0]:
        exponents = [math.log10(after[name] / before[name]) for before, after in pairwise(figures)]
        print(f"{name}: exponents {', '.join(f'{exponent:.2f}' for exponent in exponents)}")


def images(root, size):
    generator = np.random.default_rng(0)
    for name in ("one", "other"):
        (root / name).mkdir(parents=True)
    for number in range(size):
        pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / ("one", "other")[number % 2] / f"{number:06d}.png", compress_level=1)


def one(arguments):
    small = ["datamodule=image_folder", "backbone=timm", "backbone.model=test_vit", "backbone.weights=none"]
    cfg, trainer, task, datamodule = built(*small, "backbone.image_size=32", *arguments.words)
    Path("/proc/self/clear_refs").write_text("5")  # what the table's reading took at its peak does not count
    before = memory("VmRSS")
    seconds = timed(lambda: known_features(cfg, trainer, task, datamodule, SPLITS))
    print(json.dumps({"seconds": seconds, "mib": memory("VmHWM"), "mib of the build": memory("VmHWM") - before}))


def memory(name):
    """MiB of this process, by the name that Linux has for it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
