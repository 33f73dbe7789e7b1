"""What a model card says of how to load each format; the code in it is run by a test."""

from collections.abc import Mapping

_ONNX = """\
`pip install onnxruntime`; then, with inputs that were prepared as `preprocessing.json` says{helped}:

```python
import json
from pathlib import Path

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
told = json.loads(Path("preprocessing.json").read_text(encoding="utf-8"))
inputs = {inputs}
predictions = session.run(None, inputs)[0]
print([dict(zip(told["classes"], row)) for row in predictions.tolist()])
```"""

_TORCH = """\
`pip install torch`; then, with inputs that were prepared as `preprocessing.json` says{helped}:

```python
import json
from pathlib import Path

import torch

model = torch.export.load("model.pt2").module()
told = json.loads(Path("preprocessing.json").read_text(encoding="utf-8"))
with torch.inference_mode():
    predictions = model({inputs})
print([dict(zip(told["classes"], row)) for row in predictions.tolist()])
```"""

_SCRIPT = """\
`pip install {packages}`; then, in this folder:

```python
from inference import Model

model = Model(".")
print(model.predict([{sample}]))
```"""

_PACKAGES = {"images": "timm torchvision safetensors", "texts": "transformers safetensors"}
_SAMPLES = {"images": '"photo.png"', "texts": '"What do you make of this?"'}


def loading_of(form: str, samples_are: str, shapes: Mapping[str, list[int]], script: str | None) -> str:
    """Returns Markdown.

    Args:
        form: Of the export.
        samples_are: "images" | "texts".
        shapes: Of the inputs by name, for an example.
        script: File in the folder that prepares images.
    """
    helped = f" (`prepared` of `{script}` does it, with Pillow and NumPy)" if script else ""
    if form in ("safetensors", "hub"):
        return _SCRIPT.format(packages=_PACKAGES[samples_are], sample=_SAMPLES[samples_are])
    if form == "onnx":
        kind = "float32" if samples_are == "images" else "int64"
        given = ", ".join(f'"{name}": np.ones({tuple(shape)}, np.{kind})' for name, shape in shapes.items())
        return _ONNX.replace("{inputs}", f"{{{given}}}").replace("{helped}", helped)
    kind = "torch.float32" if samples_are == "images" else "torch.int64"
    given = ", ".join(f"torch.ones({tuple(shape)}, dtype={kind})" for shape in shapes.values())
    return _TORCH.replace("{inputs}", given).replace("{helped}", helped)
