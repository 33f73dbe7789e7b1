"""The task with the Trainer of transformers, by its defaults but for the learning rate of a new head.

    python benchmarks/others/trainer_texts.py SAMPLES FOLDER EPOCHS frozen|full

Prints its test accuracy as JSON. `benchmarks/against_others.py` writes SAMPLES and calls it.
"""

import csv
import sys
from pathlib import Path

from torch.utils.data import Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, set_seed
from with_trainer import run


class Texts(Dataset):
    """Texts of a split, tokenised at the start."""

    def __init__(self, samples, split, tokenizer):
        with Path(samples).open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == split]
        self.inputs = tokenizer([row["sample"] for row in rows], truncation=True, max_length=128)["input_ids"]
        self.targets = [int(row["target"]) for row in rows]

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, place):
        return {"input_ids": self.inputs[place], "labels": self.targets[place]}


def main():
    samples, folder, epochs, mode = sys.argv[1:]
    set_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    if mode == "frozen":
        model.base_model.requires_grad_(False)
    splits = [Texts(samples, split, tokenizer) for split in ("train", "val", "test")]
    run(model, DataCollatorWithPadding(tokenizer), splits, epochs, 1e-3 if mode == "frozen" else 5e-5)


if __name__ == "__main__":
    main()
