import io
import re

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from graft.expected_warnings import ignore_expected_warnings
from graft.runs.progress import ProgressBar


class Steps(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        return self.layer(batch).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("limits", "told"),
    [({"max_epochs": 2}, {"Epoch 1/2", "Epoch 2/2"}), ({"max_epochs": -1, "max_steps": 4}, {"Epoch 1", "Epoch 2"})],
)
def test_epochs_are_counted_from_one(tmp_path, limits, told):
    ignore_expected_warnings()
    shown = io.StringIO()
    bar = ProgressBar(leave=True, console_kwargs={"file": shown, "force_terminal": True, "width": 120})
    trainer = pl.Trainer(
        accelerator="cpu",
        callbacks=[bar],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **limits,
    )
    trainer.fit(Steps(), DataLoader(torch.ones(2, 1), 1))
    assert set(re.findall(r"Epoch \d+(?:/-?\d+)?", shown.getvalue())) == told
