"""The task in fastai's own way, by its defaults: `vision_learner`, one-cycle, batches of 64.

    python benchmarks/others/fastai_images.py SAMPLES WEIGHTS EPOCHS frozen|full

frozen: the head alone, as in the first part of `fine_tune`; full: `fine_tune`, one frozen epoch before. Prints its test
accuracy as JSON. `benchmarks/against_others.py` writes SAMPLES and calls it. Needs fastai, which Graft does not.
"""

import json
import sys

import pandas as pd
import torch
from fastai.vision.all import (
    CategoryBlock,
    ColReader,
    ColSplitter,
    DataBlock,
    ImageBlock,
    Normalize,
    Resize,
    accuracy,
    set_seed,
    vision_learner,
)
from images import MEAN, MODEL, SIZE, STD


def main():
    samples, weights, epochs, mode = sys.argv[1:]
    set_seed(0)
    table = pd.read_csv(samples)
    table["is_valid"] = table["split"] == "val"
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_x=ColReader("sample"),
        get_y=ColReader("target"),
        splitter=ColSplitter(),
        item_tfms=Resize(SIZE),
        batch_tfms=Normalize.from_stats(MEAN, STD),
    )
    loaders = block.dataloaders(table[table["split"] != "test"])
    learner = vision_learner(loaders, MODEL, pretrained=False, normalize=False, metrics=accuracy)
    learner.model[0].model.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    if mode == "frozen":
        learner.freeze()
        learner.fit_one_cycle(int(epochs))
    else:
        learner.fine_tune(int(epochs))
    test = loaders.test_dl(table[table["split"] == "test"], with_labels=True)
    print(json.dumps({"accuracy": float(learner.validate(dl=test)[1])}))


if __name__ == "__main__":
    main()
