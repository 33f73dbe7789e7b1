import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, Dataset

from graft.data.loader import ResumableLoader
from graft.data.sampling import TrainingOrder
from graft.errors import Interrupted
from graft.runs.checkpoints import AtomicCheckpointIO
from graft.runs.metrics import MetricsCSV
from graft.runs.signals import signals
from graft.runs.stopping import StopOnSignal

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*tensorboardX.*"),
    pytest.mark.filterwarnings("ignore:.*Checkpoint directory .* exists and is not empty.*"),
]

BATCHES = 5  # of an epoch


class Samples(Dataset):
    def __len__(self):
        return 2 * BATCHES

    def __getitem__(self, draw):
        position = draw.position if hasattr(draw, "position") else draw
        return torch.tensor([position / 10.0, 1.0])


class Line(pl.LightningModule):
    """Learns a line with momentum, and a rate that falls with every step."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def training_step(self, batch, _):
        loss = (self.layer(batch) - batch[:, :1] ** 2).square().mean()
        self.log("train/loss", loss, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch, _):
        self.log("val/loss", self.layer(batch).mean())

    def test_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class SignalAt(pl.Callback):
    """Sends signals to this process in a hook, at a step."""

    def __init__(self, hook, step, *numbers):
        self.step, self.numbers = step, numbers
        setattr(self, hook, self.send)

    def send(self, trainer, *_):
        if trainer.global_step == self.step:
            self.step = None
            for number in self.numbers:
                os.kill(os.getpid(), number)
                time.sleep(0.01)


class Training:
    """One fit of two epochs; `last.ckpt` is written at the ends of epochs, as by default."""

    def __init__(self, folder, *callbacks, **options):
        self.last = folder / "last.ckpt"
        self.model = Line()
        self.logger = MetricsCSV(folder / "metrics.csv")
        self.callbacks, self.options = callbacks, options

    def fit(self, handler):
        order = TrainingOrder(Samples(), batch_size=2, world=1, rank=0, seed=0)
        self.trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=2,
            logger=self.logger,
            log_every_n_steps=1,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            plugins=[AtomicCheckpointIO()],
            callbacks=[
                StopOnSignal(handler, self.last),
                ModelCheckpoint(self.last.parent, "last", save_on_train_epoch_end=True, enable_version_counter=False),
                *self.callbacks,
            ],
            **self.options,
        )
        self.trainer.fit(
            self.model,
            ResumableLoader(Samples(), batch_size=2, sampler=order),
            DataLoader(Samples(), batch_size=10),
            ckpt_path=self.last if self.last.exists() else None,
            weights_only=True,
        )

    def run(self):
        with signals() as handler:
            self.fit(handler)
        return self

    def saved(self, key):
        return AtomicCheckpointIO().load_checkpoint(self.last)[key]


def rows(folder):
    lines = (folder / "metrics.csv").read_text().splitlines()
    return sorted(lines[0].split(",")), len(lines) - 1


def weights(model):
    return [parameter.tolist() for parameter in model.parameters()]


@pytest.fixture
def unbroken(tmp_path):
    folder = tmp_path / "unbroken"
    folder.mkdir()
    return Training(folder).run()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_the_run_goes_on_to_the_same_weights(tmp_path, unbroken, signum, capfd):
    stopped = Training(tmp_path, SignalAt("on_train_batch_start", 2, signum))
    with pytest.raises(Interrupted) as caught:
        stopped.run()
    assert caught.value.exit_code == 128 + signum
    assert stopped.saved("global_step") == 3
    assert capfd.readouterr().err.count("stopping after this step") == 1
    resumed = Training(tmp_path)
    resumed.logger.rewind(3)
    resumed.run()
    assert weights(resumed.model) == weights(unbroken.model)
    assert (tmp_path / "metrics.csv").read_text() == (unbroken.last.parent / "metrics.csv").read_text()


# In each of these, the checkpoint of the step would not do.
@pytest.mark.parametrize(
    ("hook", "at", "step"),
    [
        ("on_train_batch_start", 4, 5),  # the last batch: validate and end the epoch first
        ("on_validation_start", 5, 5),
        ("on_train_epoch_end", 5, 5),
        ("on_train_epoch_start", 0, 1),
        ("on_train_batch_start", 9, 10),  # the last batch of the last epoch
        ("on_train_end", 10, 10),
    ],
)
def test_the_end_of_an_epoch_is_waited_for(tmp_path, unbroken, hook, at, step):
    stopped = Training(tmp_path, SignalAt(hook, at, signal.SIGTERM))
    with pytest.raises(Interrupted):
        stopped.run()
    assert stopped.saved("global_step") == step
    assert ("val/loss" in rows(tmp_path)[0]) == (step >= 5)
    resumed = Training(tmp_path).run()
    assert weights(resumed.model) == weights(unbroken.model)
    assert rows(tmp_path) == rows(unbroken.last.parent)


def test_accumulated_gradients_are_not_lost(tmp_path):
    (tmp_path / "unbroken").mkdir()
    unbroken = Training(tmp_path / "unbroken", accumulate_grad_batches=2).run()
    stopped = Training(tmp_path, SignalAt("on_train_batch_start", 0, signal.SIGTERM), accumulate_grad_batches=2)
    with pytest.raises(Interrupted):
        stopped.run()
    assert stopped.saved("global_step") == 1
    assert weights(Training(tmp_path, accumulate_grad_batches=2).run().model) == weights(unbroken.model)


def test_a_validation_in_mid_epoch_is_waited_for_and_not_left_out(tmp_path):
    (tmp_path / "unbroken").mkdir()
    unbroken = Training(tmp_path / "unbroken", val_check_interval=2).run()
    stopped = Training(tmp_path, SignalAt("on_train_batch_start", 1, signal.SIGTERM), val_check_interval=2)
    with pytest.raises(Interrupted):
        stopped.run()
    assert stopped.saved("global_step") == 3
    resumed = Training(tmp_path, val_check_interval=2).run()
    assert weights(resumed.model) == weights(unbroken.model)
    assert rows(tmp_path) == rows(tmp_path / "unbroken")


def test_a_second_signal_stops_at_once_and_keeps_the_last_checkpoint(tmp_path):
    stopped = Training(tmp_path, SignalAt("on_train_batch_start", 7, signal.SIGINT, signal.SIGINT))
    with pytest.raises(Interrupted):
        stopped.run()
    assert stopped.trainer.global_step == 7
    assert stopped.saved("global_step") == 5


def test_no_checkpoint_is_made_of_an_epoch_s_last_batch(tmp_path):
    """Lightning would go on from it with the next epoch, without what belongs to the end of this one."""
    first = SignalAt("on_train_batch_start", 4, signal.SIGINT)
    second = SignalAt("on_train_epoch_end", 5, signal.SIGINT)
    stopped = Training(tmp_path, first, second, check_val_every_n_epoch=2)
    with pytest.raises(Interrupted):
        stopped.run()
    assert not stopped.last.exists()


@pytest.mark.parametrize(("hook", "at"), [("on_validation_start", 5), ("on_train_end", 10)])
def test_without_other_checkpoints_there_is_one_of_the_stop(tmp_path, hook, at):
    def drop_the_others(trainer, _):  # as callbacks.last=null does
        trainer.callbacks[:] = [callback for callback in trainer.callbacks if not isinstance(callback, ModelCheckpoint)]

    stopped = Training(tmp_path, SignalAt(hook, at, signal.SIGTERM))
    stopped.callbacks[0].on_train_start = drop_the_others
    with pytest.raises(Interrupted):
        stopped.run()
    assert stopped.saved("global_step") == at


def test_after_the_training_signals_stop_at_once_again(tmp_path):
    training = Training(tmp_path)
    with signals() as handler:
        training.fit(handler)
        assert not handler.is_graceful
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)


def test_a_test_stops_at_once(tmp_path):
    training = Training(tmp_path, SignalAt("on_test_start", 10, signal.SIGTERM))
    with signals() as handler:
        training.fit(handler)
        with pytest.raises(Interrupted):
            training.trainer.test(training.model, DataLoader(Samples(), batch_size=10), verbose=False)


DISTRIBUTED = """
import signal, sys
from pathlib import Path
import pytorch_lightning as pl
sys.path.insert(0, sys.argv[1])
import test_stopping as parts
from graft.errors import Interrupted
from graft.runs.rank import rank
from graft.runs.signals import signals
from graft.runs.stopping import StopOnSignal

folder = Path(sys.argv[2])
at = [parts.SignalAt("on_train_batch_start", 1, signal.SIGTERM)] if rank() == 0 else []
try:
    with signals() as handler:
        trainer = pl.Trainer(
            accelerator="cpu", devices=2, strategy="ddp", max_epochs=2, logger=False, enable_progress_bar=False,
            enable_model_summary=False, enable_checkpointing=True,
            callbacks=[StopOnSignal(handler, folder / "last.ckpt"), *at],
        )
        trainer.fit(parts.Line(), parts.DataLoader(parts.Samples(), batch_size=1))
except Interrupted as stop:
    (folder / f"rank{rank()}").write_text(f"{stop.signum} {trainer.global_step}")
    sys.exit(stop.exit_code if rank() == 0 else 0)
"""


def test_all_processes_stop_after_the_same_step_when_one_is_signalled(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(DISTRIBUTED)
    command = [sys.executable, program, Path(__file__).parent, tmp_path]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=alone)
    assert done.returncode == 143, done.stderr
    assert AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")["global_step"] == 2
    assert [(tmp_path / f"rank{number}").read_text() for number in (0, 1)] == ["15 2", "15 2"]
