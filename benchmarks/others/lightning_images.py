"""The task in the plain way of Lightning templates: float32, channels first, every epoch through the network.

    python benchmarks/others/lightning_images.py SAMPLES WEIGHTS EPOCHS frozen|full

Prints its test accuracy as JSON. `benchmarks/against_others.py` writes SAMPLES and calls it.
"""

import json
import sys

import pytorch_lightning as pl
import torch
from images import dataset, network
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy


class Classifier(pl.LightningModule):
    """A new head on a network of timm."""

    def __init__(self, weights, frozen):
        super().__init__()
        self.net, self.frozen = network(weights), frozen
        if frozen:
            self.net.requires_grad_(False)
            self.net.get_classifier().requires_grad_(True)
        self.criterion = nn.CrossEntropyLoss()
        self.accuracy = nn.ModuleDict(
            {f"of_{split}": MulticlassAccuracy(2, average="micro") for split in ("train", "val", "test")}
        )

    def step(self, batch, split):
        inputs, targets = batch
        outputs = self.net(inputs)
        loss = self.criterion(outputs, targets)
        metric = self.accuracy[f"of_{split}"]
        metric(outputs, targets)
        self.log(f"{split}/loss", loss, on_epoch=True, prog_bar=True)
        self.log(f"{split}/accuracy", metric, on_epoch=True, prog_bar=True)
        return loss

    def training_step(self, batch, batch_idx):
        return self.step(batch, "train")

    def validation_step(self, batch, batch_idx):
        self.step(batch, "val")

    def test_step(self, batch, batch_idx):
        self.step(batch, "test")

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3 if self.frozen else 3e-4)


def main():
    samples, weights, epochs, mode = sys.argv[1:]
    pl.seed_everything(0)
    loaders = [
        DataLoader(dataset(samples, split), batch_size=32, shuffle=split == "train", num_workers=1)
        for split in ("train", "val", "test")
    ]
    trainer = pl.Trainer(max_epochs=int(epochs), logger=pl.loggers.CSVLogger("."), accelerator="auto", devices=1)
    model = Classifier(weights, mode == "frozen")
    trainer.fit(model, *loaders[:2])
    print(json.dumps({"accuracy": trainer.test(model, loaders[2])[0]["test/accuracy"]}))


if __name__ == "__main__":
    main()
