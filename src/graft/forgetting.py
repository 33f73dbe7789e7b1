"""How much of what the backbone was pretrained for it still can: its original head on data like those."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader

from graft.backbones import Backbone
from graft.build import as_one_process, build_backbone, build_trainer
from graft.data.inputs import Inputs, read_inputs
from graft.data.samples import as_is, plain
from graft.data.sampling import EvaluationBatches
from graft.errors import ConfigError, GraftError
from graft.expected_warnings import ignore_expected_warnings
from graft.features.extract import extract
from graft.runs.folder import RunFolder


def forgetting(run: RunFolder, source: Path) -> dict[str, Any]:
    """Compares the pretrained backbone and the best checkpoint's, both under the head of the pretraining.

    Args:
        run: With a checkpoint.
        source: A folder of images, or a table of their paths. Images in a folder whose name is a number are of the
            class of that number, as the original head counts.

    Returns:
        `images`, how many; `agreement`, the share that both give the same class; `divergence`, the mean
        Kullback-Leibler divergence of the pretrained one's probabilities from the trained one's, in nats; where there
        are labels, `labelled`, `accuracy/before` and `accuracy/after`. Shares are 0 … 1.

    Raises:
        GraftError: There is no such head, no checkpoint, or nothing to read.
    """
    ignore_expected_warnings()
    run.checkpoint("best")
    if run.load_data().get("samples_are") != "images":
        raise ConfigError("source=… takes images; the backbone of this run takes texts, and came without a head.")
    cfg = as_one_process(run.load_config())
    cfg.backbone.weights = run.load_config().backbone.weights
    original = build_backbone(cfg)
    head = original.source_head()
    cfg.backbone.weights = str(run.path)
    inputs = read_inputs(source, "images", "path", key="source")
    trainer = build_trainer(cfg, callbacks=[], loggers=[])
    before, after = (_outputs(network, head, inputs, cfg, trainer) for network in (original, build_backbone(cfg)))
    return {"source": str(source), **compared(before, after, labels(inputs.table.ids))}


def compared(before: Tensor, after: Tensor, truth: list[int | None]) -> dict[str, Any]:
    """Compares log probabilities `(n, classes)`, see `forgetting`."""
    seen = torch.tensor([label is not None for label in truth])
    known = torch.tensor([label for label in truth if label is not None], dtype=torch.int64)
    if len(known) and int(known.max()) >= before.shape[1]:
        raise GraftError(
            f"source: a folder is named {int(known.max())}; the head has classes 0 to {before.shape[1] - 1}."
        )
    guesses = before.argmax(dim=1), after.argmax(dim=1)
    found: dict[str, Any] = {
        "images": len(before),
        "agreement": float((guesses[0] == guesses[1]).float().mean()),
        "divergence": float((before.exp() * (before - after)).sum(dim=1).mean()),
    }
    if len(known):
        found["labelled"] = len(known)
        for name, guess in zip(("before", "after"), guesses, strict=True):
            found[f"accuracy/{name}"] = float((guess[seen] == known).float().mean())
    return found


def labels(names: Sequence[str]) -> list[int | None]:
    """Returns the class of each image by the folder that it lies in; None where that is no number."""
    folders = [Path(name).parent.name for name in names]
    return [int(folder) if folder.isdecimal() else None for folder in folders]


def _outputs(backbone: Backbone, head: nn.Module, inputs: Inputs, cfg: DictConfig, trainer: pl.Trainer) -> Tensor:
    """Log probabilities of the original head's classes, `(n, classes)`."""
    samples = plain(inputs.table, torch.arange(len(inputs.table.ids)).numpy(), backbone.preprocess(train=False))
    batches = EvaluationBatches(samples, batch_size=cfg.datamodule.eval_batch_size, world=1, rank=0, lengths=None)
    loader: DataLoader[Any] = DataLoader(samples, batch_sampler=batches, collate_fn=as_is)
    device = trainer.strategy.root_device
    features = extract(backbone, loader, device, trainer.precision_plugin.forward_context)
    with torch.inference_mode():
        outputs: Tensor = head.eval()(features)
    return outputs.log_softmax(dim=1)
