import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from graft.expected_warnings import ignore_expected_warnings
from graft.strategies.averaging import MovingAverage


class Walk(pl.LightningModule):
    """One weight that is 1, 2, 3 … after its steps."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def training_step(self, batch, batch_idx):
        return -self.weight.sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


@pytest.mark.parametrize(("decay", "steps"), [(0.99, 5), (0.5, 6)])
def test_it_is_the_mean_of_the_first_steps_and_then_an_exponential_average(tmp_path, decay, steps):
    ignore_expected_warnings()
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    average = MovingAverage(decay)
    trainer = pl.Trainer(max_steps=steps, callbacks=[average], accelerator="cpu", default_root_dir=tmp_path, **quiet)
    module = Walk()
    trainer.fit(module, DataLoader(torch.zeros(steps), batch_size=1))
    wanted = 1.0
    for number in range(1, steps):
        kept = min(decay, number / (number + 1))
        wanted = kept * wanted + (1 - kept) * (number + 1)
    assert module.weight.item() == pytest.approx(wanted)
    if decay == 0.99:
        assert wanted == pytest.approx(3.0)  # the mean of 1 … 5
