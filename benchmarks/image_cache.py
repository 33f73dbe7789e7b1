"""What it saves to keep images decoded: a pass over the loader, and an epoch of training a small network.

    python benchmarks/image_cache.py                          the default images, 224 px, an LCNet of 0.4 million
    python benchmarks/image_cache.py augmentation=dihedral    images are kept as decoded, not resized
    python benchmarks/image_cache.py datamodule.num_workers=0 --turns 9    any override of the configuration

The training split by the loader of a run, with `cache.images` and without, in turn; the first pass of each is not
counted, since it starts the loader's processes. In the training, the same with forward pass, loss, backward pass and
step. Medians over the turns, and ratios of them. What filling the cache takes is told, once.
"""

import argparse
import statistics
import tempfile
import time

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities import move_data_to_device
from rich.console import Console
from rich.table import Table

from graft.build import build_backbone, build_datamodule, build_strategy, build_task, build_trainer
from graft.config.compose import composed
from graft.decoding import keep_images
from graft.expected_warnings import ignore_expected_warnings

NETWORK = ["backbone=timm", "backbone.model=lcnet_035", "backbone.weights=none", "backbone.image_size=224"]


def main():
    ignore_expected_warnings()
    arguments = parse()
    with tempfile.TemporaryDirectory() as folder:
        sides = {side: Side(arguments.words, folder, side == "kept") for side in ("decoded each time", "kept")}
        rows = {
            "pass over the loader": measured(sides, arguments.turns, Side.read),
            "epoch of training": measured(sides, arguments.turns, Side.train),
        }
    shown = Table("", *(f"{side} [s]" for side in sides), "ratio")
    for name, (without, kept) in rows.items():
        shown.add_row(name, f"{without:.2f}", f"{kept:.2f}", f"{without / kept:.1f}")
    Console().print(shown)
    samples = len(sides["kept"].datamodule.splits["train"])
    print(f"{samples} images, medians of {arguments.turns} turns; filling the cache took {sides['kept'].filling:.1f} s")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="overrides of the configuration")
    parser.add_argument("--turns", type=int, default=5)
    return parser.parse_args()


class Side:
    """A network and its data, with images kept or decoded in each epoch."""

    def __init__(self, words, folder, kept):
        own = ["strategy=full_finetuning", "logger=[]", "callbacks=[]", f"paths.run_dir={folder}"]
        cache = [f"cache.folder={folder}", f"cache.images={str(kept).lower()}"]
        cfg = composed("train", [*own, *NETWORK, *cache, *words])
        pl.seed_everything(0, verbose=False)
        backbone = build_backbone(cfg)
        strategy = build_strategy(cfg, backbone)
        self.datamodule = build_datamodule(cfg, backbone)
        self.task = build_task(cfg, backbone, strategy, self.datamodule.targets())
        self.task.trainer = self.datamodule.trainer = build_trainer(cfg, [], [])
        self.device = self.task.trainer.strategy.root_device
        self.network = torch.nn.Sequential(self.task.backbone, self.task.head).to(self.device).train()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-3)
        started = time.perf_counter()
        keep_images(cfg, self.task.trainer, self.datamodule)
        self.filling = time.perf_counter() - started
        self.loader = self.datamodule.train_dataloader()

    def batches(self):
        for batch in self.loader:
            yield self.task.on_after_batch_transfer(move_data_to_device(batch, self.device), 0)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def read(self):
        for _ in self.batches():
            pass

    def train(self):
        for batch in self.batches():
            loss = torch.nn.functional.cross_entropy(self.network(batch["inputs"]), batch["target"])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def measured(sides, turns, work):
    """Medians, by side."""
    seconds = {name: [] for name in sides}
    for _ in range(turns + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            work(side)
            seconds[name].append(time.perf_counter() - started)
    return [statistics.median(each[1:]) for each in seconds.values()]


if __name__ == "__main__":
    main()
