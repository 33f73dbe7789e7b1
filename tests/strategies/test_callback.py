"""Phases inside real Lightning fits, in one process and in two."""

import copy
import io
import math
from functools import partial

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from torch.utils.data import DataLoader, TensorDataset

from graft.strategies import Strategy
from graft.strategies.callback import PhaseChanges
from graft.strategies.groups import parameter_groups
from graft.strategies.schedules import constant, cosine, one_cycle, step, triangular
from graft.strategies.table import stage_table

PHASES = [
    {"train": "head", "epochs": 1, "lr_scale": 1.0, "lr_decay": 1.0},
    {"train": "last_1", "epochs": 1, "lr_scale": 0.5, "lr_decay": 1.0},
    {"train": "all", "epochs": None, "lr_scale": 0.1, "lr_decay": 0.5},
]


class Module(pl.LightningModule):
    def __init__(self, tiny, schedule):
        super().__init__()
        self.network, self.head, self.stages = tiny
        self.schedule = schedule
        self.strategy = Strategy("under_test", PHASES, [stage.name for stage in self.stages])

    def training_step(self, batch, batch_idx):
        return self.head(self.network(batch[0])).pow(2).mean()

    def configure_optimizers(self):
        scales = self.strategy.scales(0)
        optimizer = torch.optim.SGD(parameter_groups(self.stages, scales, 0.1, 0.0, ()))
        return {"optimizer": optimizer, "lr_scheduler": self.schedule(optimizer, total_steps=100)}


class Record(Callback):
    """What changed in each epoch, and the rates in it."""

    def __init__(self):
        self.changed, self.rates = [], []

    def on_train_epoch_start(self, trainer, pl_module):
        self.before = {name: value.clone() for name, value in pl_module.state_dict().items()}
        self.rates.append({group["name"]: group["lr"] for group in trainer.optimizers[0].param_groups})

    def on_train_epoch_end(self, trainer, pl_module):
        state = pl_module.state_dict()
        changed = {name for name, value in self.before.items() if not torch.equal(value, state[name])}
        self.changed.append({name.split(".", 2)[1] if name.startswith("network") else "head" for name in changed})


def fit(module, tmp_path, epochs=3, ckpt_path=None, extra=()):
    record = Record()
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        callbacks=[PhaseChanges(module.strategy, module.stages), record, *extra],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    data = DataLoader(TensorDataset(torch.randn(32, 4, generator=torch.Generator().manual_seed(0))), batch_size=8)
    trainer.fit(module, data, ckpt_path=ckpt_path)
    return trainer, record


@pytest.fixture
def module(tiny):
    torch.manual_seed(0)
    return Module(tiny, constant)


pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),  # the data are in memory
    pytest.mark.filterwarnings("ignore:.*in eval mode.*:UserWarning"),  # frozen parts are meant to be
]


def test_each_phase_trains_what_it_says_at_the_rate_it_says(module, tmp_path):
    _, record = fit(module, tmp_path)
    assert record.changed == [{"head"}, {"top", "head"}, {"entry", "middle", "top", "head"}]
    assert [rates["head/decay"] for rates in record.rates] == pytest.approx([0.1, 0.05, 0.01])
    assert [rates["block_2/decay"] for rates in record.rates[1:]] == pytest.approx([0.05, 0.005])


def test_a_scheduler_scales_the_rates_of_the_phase(tiny, tmp_path):
    _, record = fit(Module(tiny, partial(cosine, warmup=0.0)), tmp_path)
    shape = 0.5 * (1 + math.cos(math.pi * 8 / 100))  # two epochs of four steps are over
    assert record.rates[2]["head/decay"] == pytest.approx(0.1 * 0.1 * shape)
    assert record.rates[2]["stem/decay"] == pytest.approx(0.1 * 0.1 * 0.5**3 * shape)


SCHEDULES = {
    "constant": constant,
    "cosine": partial(cosine, warmup=0.1),
    "linear": partial(triangular, warmup=0.1, ratio=32.0),
    "one_cycle": partial(one_cycle, warmup=0.3, start=0.04, end=4e-6),
    "step": partial(step, at=[0.03, 0.1], factor=0.1),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_parameters_rate_is_phase_times_schedule_after_every_step(tiny, tmp_path, schedule):
    """Over both phase changes; the schedule alone is that of one group of rate 1."""
    module = Module(tiny, SCHEDULES[schedule])
    lone = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    alone = SCHEDULES[schedule](lone, total_steps=100)["scheduler"]
    factors = []
    for _ in range(12):
        factors.append(lone.param_groups[0]["lr"])
        lone.step()
        alone.step()
    seen = []

    class Rates(Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
            assert len(rates) == sum(len(group["params"]) for group in optimizer.param_groups)
            seen.append({name: rates[id(p)] for name, p in pl_module.named_parameters() if p.requires_grad})

    fit(module, tmp_path, extra=[Rates()])
    decays = {"entry": 3, "middle": 2, "top": 1}  # stages below the head
    assert len(seen) == 12
    for number, rates in enumerate(seen):
        phase = PHASES[number // 4]
        for name, rate in rates.items():
            depth = next((depth for part, depth in decays.items() if part in name), 0)
            wanted = 0.1 * phase["lr_scale"] * phase["lr_decay"] ** depth * factors[number]
            assert rate == pytest.approx(wanted, rel=1e-6), (number, name)


@pytest.mark.parametrize("stop", [1, 2])
def test_a_resumed_run_is_in_the_phase_of_the_unbroken_one(module, tmp_path, stop):
    module.network.drop.p = 0.0
    start = copy.deepcopy(module.state_dict())
    fit(module, tmp_path)
    whole = copy.deepcopy(module.state_dict())
    module.load_state_dict(start)
    trainer, _ = fit(module, tmp_path, epochs=stop)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    _, record = fit(module, tmp_path, ckpt_path=tmp_path / "half.ckpt")
    assert record.changed[-1] == {"entry", "middle", "top", "head"}
    assert all(torch.equal(value, whole[name]) for name, value in module.state_dict().items())


def test_the_table_says_what_learns_and_how_fast(module):
    text = io.StringIO()
    Console(file=text, width=200).print(stage_table(module.strategy, module.stages, lr=0.1))
    rows = {line.split()[1]: line for line in text.getvalue().splitlines() if line.startswith("│")}
    assert "from epoch 1:" in text.getvalue()
    assert "from epoch 2:" in text.getvalue()
    assert rows["stem"].count("frozen") == 2
    assert "0.00125" in rows["stem"]
    assert "0.05" in rows["block_2"]
    assert rows["all"].count(f"{sum(stage.size for stage in module.stages)}") == 2
