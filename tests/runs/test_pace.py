import time

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from graft.expected_warnings import ignore_expected_warnings
from graft.runs.pace import Pace

SLOW, QUICK = 0.05, 0.0


class Slow(torch.utils.data.Dataset):
    def __init__(self, seconds):
        self.seconds = seconds

    def __len__(self):
        return 6

    def __getitem__(self, row):
        time.sleep(self.seconds)
        return torch.ones(1)


class Steps(pl.LightningModule):
    def __init__(self, seconds):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seconds = seconds

    def training_step(self, batch, index):
        time.sleep(self.seconds)
        return self.layer(batch).sum()

    def validation_step(self, batch, index):
        time.sleep(SLOW)  # neither of the two

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize(("of_data", "of_step"), [(SLOW, QUICK), (QUICK, SLOW)])
def test_waiting_for_data_and_computing_are_told_apart(tmp_path, of_data, of_step):
    ignore_expected_warnings()
    pace = Pace()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=2,
        callbacks=[pace],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(Steps(of_step), DataLoader(Slow(of_data), 1), DataLoader(Slow(QUICK), 2))
    slow, quick = pace.seconds.values() if of_data else reversed(pace.seconds.values())
    assert slow >= 2 * 6 * SLOW  # each sample of both epochs
    assert slow > 2 * quick
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged.keys() == {"pace/data_wait", "pace/step"}
    assert max(logged.values()) >= 6 * SLOW  # of the last epoch
