import itertools
import os
import pickle

import numpy as np
import pytest
import torch

from graft.errors import GraftError
from graft.runs.checkpoints import AtomicCheckpointIO


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoints" / "last.ckpt"


@pytest.fixture
def io():
    return AtomicCheckpointIO()


def test_a_checkpoint_comes_back(io, path):
    io.save_checkpoint({"epoch": 3, "weights": {"a": torch.arange(3)}, "path": str(path)}, path)
    loaded = io.load_checkpoint(path, weights_only=None)
    assert (loaded["epoch"], loaded["path"], loaded["weights"]["a"].tolist()) == (3, str(path), [0, 1, 2])
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(io, path, killed_after):
    def write_for_ever():
        for n in itertools.count():
            # Made by NumPy: torch's threads do not survive a fork.
            io.save_checkpoint({"n": n, "w": torch.from_numpy(np.full(200_000, n))}, path)

    for attempt in range(15):
        killed_after(0.02 + 0.007 * attempt, path, write_for_ever)
        loaded = io.load_checkpoint(path)
        assert loaded["w"].unique().tolist() == [loaded["n"]]


def test_a_full_disk_leaves_the_old_checkpoint(io, path, full_disk):
    io.save_checkpoint({"n": 1}, path)
    with full_disk(100_000), pytest.raises(GraftError, match="disk full while writing") as caught:
        io.save_checkpoint({"n": 2, "w": torch.zeros(200_000)}, path)
    assert str(path) in str(caught.value)
    assert io.load_checkpoint(path) == {"n": 1}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_really_full_disk_leaves_the_old_checkpoint(io, tiny_disk):
    path = tiny_disk / "last.ckpt"
    io.save_checkpoint({"n": 1}, path)
    with pytest.raises(GraftError, match="disk full while writing"):
        io.save_checkpoint({"n": 2, "w": torch.zeros(200_000)}, path)
    assert io.load_checkpoint(path) == {"n": 1}
    assert [file.name for file in tiny_disk.iterdir()] == ["last.ckpt"]


class Bomb:
    """What an attacker would put into a checkpoint."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("weights_only", [True, False, None])
def test_code_in_a_checkpoint_does_not_run(io, tmp_path, weights_only):
    target = tmp_path / "owned"
    path = tmp_path / "bomb.ckpt"
    torch.save({"n": Bomb(target)}, path)
    with pytest.raises(GraftError, match=f"{path} is damaged, or holds more than tensors"):
        io.load_checkpoint(path, weights_only=weights_only)
    path.write_bytes(pickle.dumps(Bomb(target), protocol=2))
    with pytest.raises(GraftError, match=f"{path} is damaged, or holds more"):
        io.load_checkpoint(path, weights_only=weights_only)
    assert not target.exists()


def test_missing_empty_and_truncated_files_are_named(io, path):
    with pytest.raises(GraftError, match=f"checkpoint {path} is missing"):
        io.load_checkpoint(path)
    io.save_checkpoint({"w": torch.zeros(1000)}, path)
    whole = path.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:size])
        with pytest.raises(GraftError, match=f"checkpoint {path} is damaged"):
            io.load_checkpoint(path)


def test_removing(io, path):
    io.save_checkpoint({}, path)
    io.remove_checkpoint(path)
    io.remove_checkpoint(path)
    assert not path.exists()
    path.mkdir()
    (path / "shard").touch()
    io.remove_checkpoint(str(path))
    assert not path.exists()
