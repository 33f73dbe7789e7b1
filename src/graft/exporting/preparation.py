"""What happens to an image or a text before the network takes it in, in words and numbers for other programs."""

import shutil
from pathlib import Path
from typing import Any

from graft.backbones.images import ImagePreprocessing
from graft.backbones.tokens import Tokenization
from graft.data.table import Kind
from graft.exporting import inference
from graft.exporting.examples import Examples

TOKENIZER = "tokenizer"  # the folder that its files lie in
SCRIPT = "preparing.py"


def described(preprocess: Any, examples: Examples, classes: list[str], kind: Kind) -> dict[str, Any]:
    """Returns what goes in and what comes out, as plain values.

    Args:
        preprocess: The backbone's.
        examples: Have the names, types and shapes of the inputs.
        classes: Names of the outputs.
        kind: Of the targets.
    """
    return {
        "preprocessing": _steps(preprocess),
        "inputs": [_input(name, value, bool(examples.keys)) for name, value in examples.batches[0].items()],
        "output": {
            "name": output_name(kind),
            "shape": ["batch", len(classes)],
            "type": "float32",
            "meaning": _MEANING[kind],
        },
        "classes": classes,
    }


def output_name(kind: Kind) -> str:
    """Returns what the output is called."""
    return "values" if kind is Kind.REGRESSION else "probabilities"


def save_tokenizer(preprocess: Any, folder: Path) -> None:
    """Writes the files of a tokenizer, if it is one."""
    if isinstance(preprocess, Tokenization):
        preprocess.tokenizer.save_pretrained(str(folder / TOKENIZER))


def save_script(preprocess: Any, folder: Path) -> None:
    """Writes a script that prepares images without Graft and without torch, if they are prepared in the usual way."""
    if isinstance(preprocess, ImagePreprocessing):
        shutil.copyfile(Path(inference.__path__[0]) / SCRIPT, folder / SCRIPT)


_MEANING = {
    Kind.SINGLE_LABEL: "probabilities of the classes, which add up to 1 (softmax is part of the network)",
    Kind.MULTI_LABEL: (
        "a probability for each label on its own (sigmoid is part of the network); above 0.5, Graft takes it as there"
    ),
    Kind.REGRESSION: "values in the unit of the targets",
}


def _input(name: str, value: Any, is_text: bool) -> dict[str, Any]:
    shape = ["batch", "length"] if is_text else ["batch", *value.shape[1:]]
    return {"name": name, "shape": shape, "type": str(value.dtype).removeprefix("torch.")}


def _steps(preprocess: Any) -> dict[str, Any]:
    if isinstance(preprocess, ImagePreprocessing):
        return {
            "of": "images, RGB, 8 bit, upright",
            "transparency": "on white",
            "16_bit": "to 8 bit over the full range: (value + 128) // 257",
            "grey": len(preprocess.mean) == 1,
            "resize_shorter_side": round(preprocess.size / preprocess.crop_pct),
            "interpolation": preprocess.interpolation,
            "antialias": True,
            "center_crop": preprocess.size,
            "rescale": 1 / 255,
            "mean": list(preprocess.mean),
            "std": list(preprocess.std),
            "layout": "batch, channels, height, width",
        }
    if isinstance(preprocess, Tokenization):
        return {
            "of": "texts",
            "tokenizer": f"{TOKENIZER}/tokenizer.json",
            "max_length": preprocess.max_length,
            "truncation": True,
            "padding_side": preprocess.tokenizer.padding_side,
            "pad_token_id": preprocess.tokenizer.pad_token_id,
        }
    return {"of": "samples as the backbone's own preprocessing takes them", "by": type(preprocess).__qualname__}
