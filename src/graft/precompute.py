"""Features computed once for a backbone that never learns; one way for training and for `graft evaluate`."""

from collections.abc import Iterable

import pytorch_lightning as pl

from graft.data.datamodule import DataModule
from graft.features import extract
from graft.tasks import Task


def precompute_features(trainer: pl.Trainer, task: Task, datamodule: DataModule, splits: Iterable[str]) -> bool:
    """Puts features in the place of inputs, where the strategy trains the head alone.

    Augmented samples are new in each epoch: where there is augmentation, the training split stays as it is. So do the
    others where each of their samples is looked at in several ways.

    Returns:
        Whether there was anything to compute.
    """
    if not task.strategy.trains_only_the_head:
        return False
    known = [split for split in splits if not (datamodule.varies if split == "train" else task.test_time_augmentation)]
    loaders = {split: datamodule.eval_dataloader(split) for split in known}
    device = trainer.strategy.root_device
    datamodule.use_features(extract(task.backbone, loaders, device, trainer.precision_plugin.forward_context))
    return True
