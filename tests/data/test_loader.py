"""The loader in Lightning's hands: a broken training goes on with the very batches that it had left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from graft.data import ImageFolder

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*tensorboardX"),
]

EPOCHS = 3


class Net(LightningModule):
    """A linear model that remembers which samples it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(90, 2)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)
        self.seen: list[tuple[int, list[int]]] = []

    def training_step(self, batch: dict[str, Any], _: int) -> torch.Tensor:
        self.seen.append((self.current_epoch, batch["index"].tolist()))
        outputs = self.layer(batch["inputs"].flatten(1) / 255)
        return torch.nn.functional.cross_entropy(outputs, batch["target"])

    def validation_step(self, batch: dict[str, Any], _: int) -> None:
        self.log("val", batch["inputs"].mean(), batch_size=len(batch["index"]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SaveOften(Callback):
    """Saves wherever a callback may.

    Not in on_train_epoch_start: Lightning 2.6.6 leaves out the whole epoch that such a checkpoint begins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, trainer: Trainer, hook: str) -> None:
        trainer.save_checkpoint(self.folder / f"{trainer.global_step:02}-{hook}.ckpt")

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.save(trainer, "batch_end")

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        self.save(trainer, "epoch_end")

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        self.save(trainer, "validation_end")


@pytest.fixture
def fit(make_images: Callable[..., Path], settings: dict[str, Any]) -> Callable[..., Net]:
    """Trains; with `resume`, from that checkpoint on."""
    root = make_images({"a": 14, "b": 14})
    settings |= {"augment": torch.Tensor.clone, "root": root}

    def run(resume: Path | None = None, callbacks: list[Callback] | None = None, **options: Any) -> Net:
        workers = options.pop("workers", 0)
        with torch.random.fork_rng():
            net = Net()
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=EPOCHS,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            callbacks=callbacks,
            **options,
        )
        datamodule = ImageFolder(**(settings | {"num_workers": workers}))
        trainer.fit(net, datamodule=datamodule, ckpt_path=resume, weights_only=True)
        return net

    return run


@pytest.mark.parametrize("limit", [1.0, 3])
def test_a_training_resumed_from_any_checkpoint_equals_the_unbroken_one(
    fit: Callable[..., Net], tmp_path: Path, limit: float
):
    whole = fit(callbacks=[SaveOften(tmp_path)], limit_train_batches=limit)
    batches = 3 if limit == 3 else 4
    assert len(whole.seen) == EPOCHS * batches
    assert len({index for epoch, batch in whole.seen for index in batch if epoch == 0}) == batches * 4
    assert whole.seen[0][1] != whole.seen[batches][1]  # a new order in every epoch
    checkpoints = sorted(tmp_path.glob("*.ckpt"))
    assert len(checkpoints) == EPOCHS * (batches + 2)
    for checkpoint in checkpoints:
        done = int(checkpoint.name[:2])
        rest = fit(resume=checkpoint, limit_train_batches=limit)
        assert rest.seen == whole.seen[done:], checkpoint.name
        assert torch.equal(rest.layer.weight, whole.layer.weight), checkpoint.name


def test_workers_that_read_ahead_change_nothing(fit: Callable[..., Net], tmp_path: Path):
    whole = fit(callbacks=[SaveOften(tmp_path)], workers=1)
    rest = fit(resume=tmp_path / "06-batch_end.ckpt", workers=1)
    assert rest.seen == whole.seen[6:]
    assert fit(resume=tmp_path / "06-batch_end.ckpt").seen == whole.seen[6:]
    assert torch.equal(rest.layer.weight, whole.layer.weight)


def test_training_does_not_depend_on_the_loaders(fit: Callable[..., Net]):
    """Loaders that drew from the global generator would change dropout with their number."""
    before = torch.get_rng_state()
    fit()
    assert torch.equal(torch.get_rng_state(), before)
