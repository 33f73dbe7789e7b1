"""`graft shard`, and runs on what it has written."""

import pandas as pd
import pytest
import torch

from graft.data import sharding
from graft.errors import Interrupted

pytest.importorskip("litdata")
RECIPE = ["strategy=full_finetuning", "augmentation=flips", "trainer.max_epochs=3", "datamodule.batch_size=8"]
STOP = """
import signal

from pytorch_lightning.callbacks import Callback


class StopAt(Callback):
    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 7:
            signal.raise_signal(signal.SIGTERM)
"""


@pytest.fixture
def shard(graft, flowers, tmp_path):
    """Writes shards of the flowers; returns their folder."""

    def write(*words, code=0):
        line = ["shard", "datamodule=image_folder", f"datamodule.root={flowers}", f"to={tmp_path}/my shards", *words]
        assert graft(*line) == code
        return tmp_path / "my shards"

    return write


def scores(folder):
    return pd.read_parquet(folder / "predictions.parquet").set_index("id").sort_index()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_run_on_shards_is_the_run_on_their_source_and_can_be_stopped(
    shard, tiny, tiny_words, graft, weights, tmp_path, monkeypatch
):
    """Bit for bit: weights, best and last, and predictions; of a run that is stopped in its second epoch too."""
    folder = shard()
    source = tiny(*RECIPE, name="source")
    (tmp_path / "stop_in_shards.py").write_text(STOP)
    monkeypatch.syspath_prepend(tmp_path)
    words = [word for word in tiny_words if word != "datamodule=image_folder"]
    words += ["datamodule=streaming", f"'datamodule.folder={folder}'", "datamodule.num_workers=0", *RECIPE]
    words = [word.replace("'datamodule.folder=", "datamodule.folder='") for word in words]
    stop = "+callbacks.stop={_target_: stop_in_shards.StopAt}"
    run = tmp_path / "streamed"
    assert graft("train", *words, stop, f"hydra.run.dir={run}", "name=streamed") == 143
    assert graft("train", f"resume={run}", "callbacks.stop=null") == 0
    for name in ("last", "best"):
        assert same(weights(run, name), weights(source, name))
    pd.testing.assert_frame_equal(scores(run), scores(source), check_exact=True)
    assert graft("evaluate", f"run={run}") == 0


def test_a_folder_that_holds_something_is_refused(shard, capsys):
    folder = shard()
    before = sorted(path.name for path in folder.rglob("*"))
    shard(code=2)
    assert "my shards exists already and is not empty" in capsys.readouterr().err
    assert sorted(path.name for path in folder.rglob("*")) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted(15), OSError(28, "No space left on device")])
def test_what_is_stopped_leaves_nothing(shard, tmp_path, monkeypatch, error):
    """After the first split is written."""
    own = sharding._Writer.add

    def add(self, stored):
        if self._name == "val":
            raise error
        return own(self, stored)

    monkeypatch.setattr(sharding._Writer, "add", add)
    shard(code={KeyboardInterrupt: 130, Interrupted: 143, OSError: 1}[type(error)])
    assert not [path for path in tmp_path.iterdir() if "my shards" in path.name]


def test_an_address_to_write_to_is_refused_before_anything_is_read(graft, capsys):
    assert graft("shard", "datamodule=image_folder", "datamodule.root=nowhere", "to=s3://bucket/x") == 2
    assert "to=s3://bucket/x is an address: write to a folder" in capsys.readouterr().err


def test_the_help_needs_no_data(graft, capsys):
    assert graft("shard", "--help") == 0
    assert "graft shard datamodule=image_folder datamodule.root=data/flowers to=" in capsys.readouterr().out
