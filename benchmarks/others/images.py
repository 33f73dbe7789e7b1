"""What the scripts beside it share: images as the network takes them, and the network with its weights."""

import csv
from pathlib import Path

import timm
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms import v2

MODEL, SIZE, MEAN, STD = "tf_efficientnet_lite0", 224, [0.5] * 3, [0.5] * 3


class Images(Dataset):
    """Files decoded, resized, cropped and normalised each time that they are asked for."""

    def __init__(self, rows):
        self.rows = rows
        self.transform = v2.Compose(
            [
                v2.Resize(256, interpolation=v2.InterpolationMode.BICUBIC),
                v2.CenterCrop(SIZE),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(MEAN, STD),
            ]
        )

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        row = self.rows[place]
        return self.transform(Image.open(row["sample"]).convert("RGB")), int(row["target"])


def dataset(samples, split):
    return Images(rows(samples, split))


def rows(samples, split):
    with Path(samples).open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def network(weights):
    net = timm.create_model(MODEL, num_classes=2)
    loaded = net.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    assert loaded.missing_keys == ["classifier.weight", "classifier.bias"], loaded
    return net
