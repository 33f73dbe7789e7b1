"""Makes the network of this folder anew and predicts images; needs torch, torchvision, timm and safetensors."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional


class Model(nn.Module):
    """Takes images `(batch, channels, height, width)`, gives probabilities or values `(batch, classes)`."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.steps = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))["preprocessing"]
        self.classes: list[str] = self.config["classes"]
        network = self.config["network"]
        self.network = timm.create_model(network["model"], num_classes=0, **network["options"])
        layers = [getattr(nn, kind)(*arguments) for kind, arguments in self.config["head"]]
        self.head = nn.Sequential(*layers)
        self.load_state_dict(load_file(folder / "model.safetensors"))
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Predicts images that were prepared."""
        return read(self.head(self.network(images)), self.config)

    def prepare(self, path: str | Path) -> Tensor:
        """Makes an input `(channels, height, width)` of an image file."""
        with Image.open(path) as file:
            image = functional.pil_to_tensor(rgb(file))
        steps = self.steps
        image = functional.rgb_to_grayscale(image) if steps["grey"] else image
        interpolation = InterpolationMode(steps["interpolation"])
        image = functional.resize(image, [steps["resize_shorter_side"]], interpolation, antialias=True)
        image = functional.center_crop(image, [steps["center_crop"]])
        image = functional.to_dtype(image, torch.float32, scale=True)
        normalised: Tensor = functional.normalize(image, steps["mean"], steps["std"])
        return normalised

    @torch.inference_mode()
    def predict(self, paths: Sequence[str | Path]) -> list[dict[str, float]]:
        """Returns a probability or value by class for each image file."""
        predictions = self(torch.stack([self.prepare(path) for path in paths]))
        return [dict(zip(self.classes, row, strict=True)) for row in predictions.tolist()]


def rgb(image: Image.Image) -> Image.Image:
    """Returns it upright, 16 bit scaled to 8 over the full range, and transparency laid on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        pixels = np.asarray(image).astype(np.int64)
        if pixels.min() < 0 or pixels.max() > 0xFFFF:
            raise ValueError("32-bit pixels have no fixed range; convert it to 8 or 16 bit")
        image = Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range; convert it to 8 or 16 bit")
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def read(outputs: Tensor, config: dict[str, Any]) -> Tensor:
    """Makes predictions of the head's outputs."""
    if config["kind"] == "single_label":
        return outputs.softmax(dim=1)
    if config["kind"] == "multi_label":
        return outputs.sigmoid()
    return outputs * torch.tensor(config["std"]) + torch.tensor(config["mean"])


def shown(prediction: dict[str, float]) -> str:
    """Returns it in a line, the largest number first."""
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(prediction.items(), key=lambda each: -each[1]))


def main(paths: list[str]) -> int:
    """Prints predictions of image files, and returns the exit code."""
    if not paths:
        print("usage: python inference.py photo.png …", file=sys.stderr)
        return 2
    model, code = Model(Path(__file__).parent), 0
    for path in paths:
        try:
            print(f"{path}: {shown(model.predict([path])[0])}")
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
