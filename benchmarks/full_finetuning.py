"""An epoch of full fine-tuning by Graft against a loop written by hand: same network, precision, format and loader.

    python benchmarks/full_finetuning.py                            the default images, at the trainer's own precision
    python benchmarks/full_finetuning.py trainer.precision=32-true  any override of the configuration
    python benchmarks/full_finetuning.py trainer.compile=true       what compiling takes, and what it gains

Graft's side is the trainer with its callbacks and metrics.csv, an epoch of which is timed from its first wait for a
batch to its last step, without checkpoint and validation; the hand's is forward pass, loss, backward pass and step, and
nothing else, and never compiled. In turn, so many steps each; the first turn of each is not counted but told.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities import move_data_to_device
from pytorch_lightning.callbacks import Callback

from graft.build import build_backbone, build_datamodule, build_strategy, build_task, build_trainer
from graft.compiling import compile_if_asked
from graft.config.compose import composed
from graft.config.instantiate import build_all
from graft.expected_warnings import ignore_expected_warnings
from graft.runs.metrics import MetricsCSV
from graft.runs.pace import Pace
from graft.seeding import SeedEachStep
from graft.strategies.callback import PhaseChanges
from graft.strategies.schedules import LooksAtValidation


class Clock(Callback):
    """The seconds of each epoch's steps."""

    def __init__(self):
        self.epochs = []

    def on_train_epoch_start(self, *_):
        self.started = time.perf_counter()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.is_last_batch:
            synchronise(pl_module.device)
            self.epochs.append(time.perf_counter() - self.started)


def main():
    ignore_expected_warnings()
    arguments = parse()
    with tempfile.TemporaryDirectory() as folder:
        cfg = composed("train", overrides(arguments, folder))
        task, datamodule = built(cfg)
        graft, hand = [], []
        for turn in range(arguments.turns + 1):
            trainer, clock = training(cfg, task, Path(folder) / str(turn))
            if not turn:
                compile_if_asked(cfg, task, trainer.strategy.root_device.type)
            trainer.fit(task, datamodule=datamodule)
            graft += clock.epochs
            hand += by_hand(arguments, task, datamodule, trainer)
    samples = arguments.steps * cfg.datamodule.batch_size
    medians = [statistics.median(turns[1:]) for turns in (graft, hand)]
    for name, median, turns in zip(("graft", "by hand"), medians, (graft, hand), strict=True):
        print(f"{name:<8}{samples / median:8.1f} images/s; {median:.1f} s, the first turn {turns[0]:.1f} s")
    print(
        f"{medians[1] / medians[0]:.3f} of the throughput of the loop by hand (ratio of medians of {arguments.turns})"
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="overrides of the configuration")
    parser.add_argument("--steps", type=int, default=16, help="of an epoch")
    parser.add_argument("--turns", type=int, default=5)
    return parser.parse_args()


def overrides(arguments, folder):
    own = ["strategy=full_finetuning", "optimizer.lr=0.0003", "trainer.max_epochs=1", "callbacks.progress=null"]
    own += [f"+trainer.limit_train_batches={arguments.steps}", "+trainer.limit_val_batches=0", "logger=[]"]
    return [*own, "callbacks.best=null", "callbacks.early_stopping=null", f"paths.run_dir={folder}", *arguments.words]


def built(cfg):
    pl.seed_everything(0, verbose=False)
    backbone = build_backbone(cfg)
    strategy = build_strategy(cfg, backbone)
    datamodule = build_datamodule(cfg, backbone)
    return build_task(cfg, backbone, strategy, datamodule.targets()), datamodule


def training(cfg, task, folder):
    clock = Clock()
    own = [PhaseChanges(task.strategy, task.stages), LooksAtValidation(), Pace(), SeedEachStep(cfg.seed), clock]
    folder.mkdir()
    logger = MetricsCSV(folder / "metrics.csv")
    return build_trainer(cfg, [*build_all(cfg.callbacks).values(), *own], [logger]), clock


def by_hand(arguments, task, datamodule, trainer):
    device = trainer.strategy.root_device
    network = torch.nn.Sequential(task.backbone, task.head).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-4, fused=True)
    bf16 = "bf16" in str(trainer.precision)
    precision = (lambda: torch.autocast(device.type, torch.bfloat16)) if bf16 else nullcontext
    started = time.perf_counter()
    for step, batch in enumerate(datamodule.train_dataloader()):
        if step == arguments.steps:
            break
        batch = task.on_after_batch_transfer(move_data_to_device(batch, device), 0)
        with precision():
            outputs = network(batch["inputs"])
        loss = torch.nn.functional.cross_entropy(outputs.float(), batch["target"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    synchronise(device)
    return [time.perf_counter() - started]


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
