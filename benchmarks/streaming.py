"""An epoch of the training loader from shards, against the same from image files: same samples, order and workers.

    python benchmarks/streaming.py                                      the default images
    python benchmarks/streaming.py datamodule.num_workers=4             any override of the configuration
    python benchmarks/streaming.py --chunk-mb 4                         smaller chunks

Each sample is read, decoded and preprocessed for the default network; nothing is computed with it. In turn: from the
files, from shards in a folder, and from shards that `local:` makes litdata fetch into the cache as it does from an
object store, which are all there after the first epoch. That epoch, in which loader processes also start, is told and
not counted. Ratios of medians over the others.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from graft.build import build_backbone, build_datamodule
from graft.config.compose import composed
from graft.data.sharding import write_shards
from graft.expected_warnings import ignore_expected_warnings


def main():
    ignore_expected_warnings()
    arguments = parse()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        cfg = composed("train", overrides(arguments))
        files = build_datamodule(cfg, build_backbone(cfg))
        shards = Path(folder) / "shards"
        started = time.perf_counter()
        write_shards(files, shards, arguments.chunk_mb * 1_000_000, {})
        print(f"written in {time.perf_counter() - started:.1f} s: {len(list(shards.rglob('*.bin')))} chunks")
        sides = {"files": files, "shards": streamed(cfg, shards), "store": streamed(cfg, f"local:{shards}")}
        report(measured(sides, arguments.turns), len(files.splits["train"]))


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="overrides of the configuration")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--chunk-mb", type=int, default=64)
    return parser.parse_args()


def overrides(arguments):
    return ["logger=[]", "callbacks=[]", "paths.run_dir=.", "backbone.weights=none", *arguments.words]


def streamed(cfg, folder):
    words = [
        "datamodule=streaming",
        f"datamodule.folder='{folder}'",
        f"datamodule.batch_size={cfg.datamodule.batch_size}",
    ]
    words += [] if cfg.datamodule.num_workers is None else [f"datamodule.num_workers={cfg.datamodule.num_workers}"]
    other = composed("train", ["logger=[]", "callbacks=[]", "paths.run_dir=.", *words])
    cfg = cfg.copy()
    cfg.datamodule = other.datamodule
    return build_datamodule(cfg, build_backbone(cfg))


def measured(sides, turns):
    loaders = {name: datamodule.train_dataloader() for name, datamodule in sides.items()}
    seconds = {name: [] for name in sides}
    for epoch in range(turns + 1):
        for name, loader in loaders.items():
            loader.sampler.set_epoch(epoch)
            started = time.perf_counter()
            for _ in loader:
                pass
            seconds[name].append(time.perf_counter() - started)
    return seconds


def report(seconds, samples):
    medians = {name: statistics.median(turns[1:]) for name, turns in seconds.items()}
    for name, (first, *others) in seconds.items():
        rate, share = samples / medians[name], medians["files"] / medians[name]
        spread = f"first epoch {first:.1f} s, then {min(others):.1f} to {max(others):.1f} s"
        print(f"{name:<8}{rate:8.0f} samples/s   {share:.2f} of the files'   {spread}")


if __name__ == "__main__":
    main()
