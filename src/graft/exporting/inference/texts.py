"""Makes the network of this folder anew and predicts texts; needs torch, transformers and safetensors."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer


class Model(nn.Module):
    """Takes tokens `(batch, length)`, gives probabilities or values `(batch, classes)`."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        folder = Path(folder)
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.steps = json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))["preprocessing"]
        self.classes: list[str] = self.config["classes"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        network = dict(self.config["network"]["config"])
        self.network = AutoModel.from_config(AutoConfig.for_model(network.pop("model_type"), **network))
        if getattr(self.network, "pooler", None) is not None:
            self.network.pooler = None
        layers = [getattr(nn, kind)(*arguments) for kind, arguments in self.config["head"]]
        self.head = nn.Sequential(*layers)
        self.load_state_dict(load_file(folder / "model.safetensors"))
        self.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Predicts texts that were cut into tokens."""
        states = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.config["network"]["pooling"] == "cls":
            features = states[:, 0]
        else:
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            features = (states * mask).sum(dim=1) / mask.sum(dim=1)
        return read(self.head(features), self.config)

    @torch.inference_mode()
    def predict(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Returns a probability or value by class for each text.

        Raises:
            ValueError: One is empty.
        """
        if not all(text.strip() for text in texts):
            raise ValueError("the text is empty")
        most = self.steps["max_length"]
        cut = self.tokenizer(list(texts), truncation=True, max_length=most, padding=True, return_tensors="pt")
        predictions = self(cut["input_ids"], cut["attention_mask"])
        return [dict(zip(self.classes, row, strict=True)) for row in predictions.tolist()]


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
    """Prints predictions of files with a text in each line, and returns the exit code."""
    if not paths:
        print("usage: python inference.py texts.txt …   (UTF-8, a text in each line)", file=sys.stderr)
        return 2
    model, code = Model(Path(__file__).parent), 0
    for path in paths:
        try:
            lines = Path(path).read_bytes().splitlines()
        except OSError as error:
            print(f"{path}: {error}", file=sys.stderr)
            code = 1
            continue
        for number, line in enumerate(lines, start=1):
            try:
                print(f"{path}, line {number}: {shown(model.predict([line.decode('utf-8-sig')])[0])}")
            except ValueError as error:
                print(f"{path}, line {number}: {error}", file=sys.stderr)
                code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
