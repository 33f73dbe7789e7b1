"""The task with the Trainer of transformers, by its defaults but for the learning rate of a new head.

    python benchmarks/others/trainer_images.py SAMPLES WEIGHTS EPOCHS frozen|full

Prints its test accuracy as JSON. `benchmarks/against_others.py` writes SAMPLES and calls it.
"""

import sys

import torch
from images import dataset, network
from torch import nn
from transformers import set_seed
from with_trainer import run


class Classifier(nn.Module):
    """What the Trainer takes: keyword inputs in, a loss and logits out."""

    def __init__(self, weights, frozen):
        super().__init__()
        self.net = network(weights)
        if frozen:
            self.net.requires_grad_(False)
            self.net.get_classifier().requires_grad_(True)

    def forward(self, pixel_values, labels=None):
        logits = self.net(pixel_values)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def collate(samples):
    inputs, targets = zip(*samples, strict=True)
    return {"pixel_values": torch.stack(inputs), "labels": torch.tensor(targets)}


def main():
    samples, weights, epochs, mode = sys.argv[1:]
    set_seed(0)
    splits = [dataset(samples, split) for split in ("train", "val", "test")]
    frozen = mode == "frozen"
    run(Classifier(weights, frozen), collate, splits, epochs, 1e-3 if frozen else 3e-4)


if __name__ == "__main__":
    main()
