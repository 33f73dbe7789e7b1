"""Learning rate and batch size that are found before the training, from the command line to the run folder."""

import os
import signal
from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from graft import batch_finding, finding
from graft.batch_finding import Tried, chosen_of
from graft.data.datamodule import DataModule
from graft.errors import ConfigError, GraftError
from graft.rehearsals.watching import Losses
from graft.reports.contents import read_contents
from graft.runs.folder import RunFolder
from graft.strategies import Strategy
from graft.tasks.supervised import Supervised

RECIPE = [
    "strategy=discriminative",
    "augmentation=flips",
    "task.head.dropout=0.3",
    "trainer.max_epochs=1",
    "test=false",
]
BOTH = [
    "find=both",
    "find.batch_size.lowest=8",
    "find.batch_size.steps=2",
    "find.batch_size.batches=1",
    "find.lr.steps=60",
    "find.lr.high=1",
]


def logged(folder):
    """The rows of metrics.csv without what they took."""
    header, *rows = (line.split(",") for line in (folder / "metrics.csv").read_text().splitlines())
    kept = [place for place, name in enumerate(header) if not name.startswith("pace/")]
    return [[row[place] for place in kept] for row in (header, *rows)]


@pytest.fixture
def no_report(monkeypatch):
    """Saves the seconds that the pictures of a page take."""
    monkeypatch.setattr("graft.reports.page.write_report", lambda run: None)


@pytest.fixture
def small_memory(monkeypatch):
    """Has a batch of 32 or more run out of memory, as a GPU would."""
    step = Supervised.training_step

    def of_little(self, batch, batch_idx):
        if len(batch["target"]) >= 32:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Supervised, "training_step", of_little)


@pytest.fixture
def stopped_in_the_third_step(monkeypatch):
    """Sends a Ctrl-C in a search for a rate, once."""
    look = Losses.on_train_batch_end

    def stop(self, *arguments):
        look(self, *arguments)
        if len(self.values) == 3:
            monkeypatch.setattr(Losses, "on_train_batch_end", look)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Losses, "on_train_batch_end", stop)


def test_a_run_whose_values_were_found_is_the_one_that_was_given_them(
    tiny, graft, read, weights, monkeypatch, small_memory, no_report, stopped_in_the_third_step
):
    """To the bit, also after a stop in the search, which has read nothing but the training split."""
    read_splits, evaluation, draw = [], DataModule._evaluation, finding._draw

    def noting(self, split, fitting):
        read_splits.append(split)
        return evaluation(self, split, fitting)

    monkeypatch.setattr(DataModule, "_evaluation", noting)
    monkeypatch.setattr(finding, "_draw", lambda run, found: (read_splits.append("found"), draw(run, found)))
    folder = tiny(*RECIPE, *BOTH, name="found", code=130)
    assert read(folder, "status.json")["state"] == "interrupted"
    assert list(read(folder, "find.json")) == ["batch_size"]  # before the rate, which is for a batch
    assert graft("train", f"resume={folder}") == 0
    assert read_splits[:3] == ["found", "found", "val"]
    size, rate = (read(folder, "find.json")[name] for name in ("batch_size", "lr"))
    assert (size["chosen"], size["sizes"], size["ended"]) == (16, [8, 16], "the memory")
    assert len(rate["rates"]) == len(rate["losses"]) == len(rate["smoothed"]) <= 60
    assert 1e-6 <= rate["chosen"] < 1
    for name in ("batch_size", "learning_rate"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert read_contents(RunFolder.open(folder)).found["lr"] == rate
    config = (folder / "config.yaml").read_text()
    assert all(said in config for said in (f"lr: {rate['chosen']}\n", "batch_size: 16\n", "find:\n  lr: null\n  batch"))
    given = tiny(*RECIPE, "datamodule.batch_size=16", f"optimizer.lr={rate['chosen']}", name="given")
    assert not (given / "find.json").exists()
    one, other = weights(folder), weights(given)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert logged(folder) == logged(given)


def test_what_was_found_before_a_kill_is_not_searched_again(tmp_path, monkeypatch):
    """Neither by a resumed run, nor by the other processes of a distributed one."""
    monkeypatch.setattr(finding, "_FINDERS", {"lr": ("optimizer.lr", None)})
    monkeypatch.setattr(finding, "_draw", lambda *_: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    (tmp_path / "find.json").write_text('{"lr": {"chosen": 0.02, "before": 0.1}}')
    cfg = OmegaConf.create({"optimizer": {"lr": 0.1}, "find": {"lr": {"low": 1}}, "datamodule": {}, "backbone": {}})
    assert finding.with_found(RunFolder(tmp_path), cfg, None).optimizer.lr == 0.02
    assert RunFolder(tmp_path).load_config().find.lr is None


@pytest.mark.parametrize(
    ("name", "trainer", "world", "message"),
    [
        ("lr", {"devices": 1, "num_nodes": 1}, "2", "find.lr: a launcher has started several processes"),
        ("lr", {"devices": 1, "num_nodes": 2}, "1", "find.lr: a launcher has started several processes"),
        ("batch_size", {"devices": 2, "num_nodes": 1}, "1", "find.batch_size: trainer.devices=2, but what one device"),
        ("batch_size", {"devices": [0, 1], "num_nodes": 1}, "1", r"trainer.devices=\[0, 1\]"),
    ],
)
def test_one_process_searches_for_itself_alone(monkeypatch, name, trainer, world, message):
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(ConfigError, match=message):
        finding._check_alone(OmegaConf.create({"trainer": trainer}), name, "optimizer.lr")


def test_one_of_several_devices_is_one(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    for devices in (1, "1", [3]):
        finding._check_alone(OmegaConf.create({"trainer": {"devices": devices, "num_nodes": 1}}), "batch_size", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["find=lr", "strategy=linear_probe"], "find.lr: strategy=linear_probe takes no steps"),
        (["find=batch_size", "strategy=knn"], "find.batch_size: strategy=knn takes no steps"),
        (["find=lr", "find.lr.low=10"], "find.lr.low: 10 is not below find.lr.high, which is 10"),
        (["find=lr", "find.lr.phase=2"], "find.lr.phase=2: strategy=feature_extraction has 1 phase."),
        (["find=lr", "find.lr.low=1e18", "find.lr.high=1e19", "optimizer=sgd"], "diverged, or was no number, after"),
    ],
)
def test_what_cannot_be_found_is_told_without_a_traceback(tiny, capsys, no_report, words, message):
    folder = tiny(*words, code=None)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (folder / "find.json").exists()


class Stage:
    """A rehearsal that trains nothing, on 40 texts of 1 to 40 words, and takes a kilobyte for each sample."""

    device = "cpu"

    def __init__(self):
        rows = torch.arange(100, 140).numpy()
        lengths = torch.arange(140).numpy()
        self.datamodule = SimpleNamespace(splits={"train": rows}, lengths=lengths, epochs_of_inputs=lambda *_: 1)
        self.seen = []

    def train(self, steps, pace):
        rows = self.datamodule.splits["train"]
        self.seen.append((self.datamodule.batch_size, rows.tolist()))
        pace._ends = [0.0, 0.5, 1.0]


@pytest.fixture
def searched(monkeypatch):
    """Searches with so much free memory; returns the sizes, what ended it, and the rehearsal."""

    def search(free=10**9, **settings):
        stage = Stage()
        grown = lambda size: SimpleNamespace(bytes=1000 * size)  # noqa: E731
        monkeypatch.setattr(batch_finding, "measured", lambda _: Entered(grown(stage.datamodule.batch_size)))
        monkeypatch.setattr(batch_finding, "free", lambda: free)
        told = SimpleNamespace(**({"lowest": 4, "highest": None, "batches": 1, "steps": 3, "memory": 0.5} | settings))
        tried, ended = batch_finding._doubled(stage, told)
        return [each.size for each in tried], ended, stage

    return search


class Entered:
    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        return None


def test_sizes_double_up_to_a_bound_or_to_what_memory_might_hold(searched):
    assert searched()[:2] == ([4, 8, 16, 32], "find.batch_size.batches=1")
    assert searched(batches=3)[:2] == ([4, 8], "find.batch_size.batches=3")
    assert searched(highest=20)[:2] == ([4, 8, 16], "find.batch_size.highest=20")
    assert searched(free=2 * 16_000)[:2] == ([4, 8, 16], "the free memory")
    assert searched(free=0)[:2] == ([4], "the free memory")  # one must be tried to know what it takes
    with pytest.raises(GraftError, match=r"lowest=8 is too many samples: find\.batch_size\.batches=10 allows 4, .* 40"):
        searched(lowest=8, batches=10)


def test_of_texts_the_longest_are_tried(searched):
    _, _, stage = searched(highest=8)
    assert stage.seen == [(4, [139, 138, 137, 136]), (8, list(range(139, 131, -1)))]
    assert len(stage.datamodule.splits["train"]) == 40


def test_a_first_batch_that_does_not_fit_is_an_error(monkeypatch, searched):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Stage, "train", full)
    with pytest.raises(GraftError, match="the memory has no room for 4 samples"):
        searched()


def test_the_fastest_batch_is_the_smallest_that_is_nearly_as_fast_as_any():
    tried = [Tried(size, pace, 0) for size, pace in ((8, 50.0), (16, 96.0), (32, 100.0), (64, 40.0))]
    assert chosen_of(tried, "fastest") == 16
    assert chosen_of(tried, "largest") == 64


def test_the_phase_in_which_gradients_flow_deepest_decides_on_the_batch():
    rest = {"epochs": 1, "lr_scale": 1.0, "lr_decay": 1.0}
    phases = [{"train": words, **rest} for words in ("head", "stem|head", "last_1", "all", "head")]
    assert batch_finding._widest(Strategy("s", phases, ["stem", "block", "head"])) == 3
