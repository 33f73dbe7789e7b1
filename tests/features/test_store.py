import logging
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from graft.features import build
from graft.features.build import parts_with
from graft.features.parts import Features
from graft.features.store import Store

SAMPLES = np.array([7, 3, 9, 2**64 - 1, 3, 5], dtype=np.uint64)


def value_of(samples):
    """A feature that tells which sample it is of."""
    return torch.from_numpy((samples % np.uint64(1000)).astype(np.float32))[:, None] * torch.tensor([1.0, -1.0])


class Counting:
    """Computes features and keeps what it was asked for."""

    def __init__(self, samples):
        self.samples, self.asked = samples, []

    def __call__(self, positions, advance):
        self.asked += positions.tolist()
        advance(len(positions))
        return value_of(self.samples[positions])


@pytest.fixture
def store(tmp_path):
    return lambda key="a": Store({"key": key}, tmp_path / "features")


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(build, "_SAMPLES", 2)


def features(samples, store, bytes_of_one=8):
    counting = Counting(samples)
    return Features(parts_with(samples, store, bytes_of_one, counting), samples), counting.asked


def test_parts_of_another_key_are_not_taken(store, caplog):
    features(SAMPLES, store("a"))
    store("a").folder.rename(store("b").folder)
    got, asked = features(SAMPLES, store("b"))
    assert len(asked) == 5
    assert torch.equal(got.all, value_of(SAMPLES))
    assert "it was made under another key" in caplog.text


def test_what_a_kill_has_left_is_removed_by_a_later_process(store):
    features(SAMPLES, store())
    half, young = (store().folder / f".{name}.tmp" for name in ("half", "young"))
    for path in (half, young):
        path.write_bytes(b"some")
    os.utime(half, (time.time() - 25 * 3600,) * 2)
    features(SAMPLES, store())
    assert not half.exists()
    assert young.exists()  # another process may be writing it


def test_features_are_computed_once_and_found_again(store, small_parts):
    got, asked = features(SAMPLES, store())
    assert torch.equal(got.all, value_of(SAMPLES))
    assert asked == [0, 1, 2, 3, 5]  # of equal samples one
    again, asked = features(SAMPLES[::-1].copy(), store())
    assert torch.equal(again.all, value_of(SAMPLES[::-1]))
    assert not asked
    assert torch.equal(again[[1, 1, 5]], value_of(SAMPLES[::-1][[1, 1, 5]]))


def test_only_samples_that_are_new_are_computed(store):
    features(SAMPLES[:3], store())
    got, asked = features(SAMPLES, store())
    assert asked == [3, 5]
    assert torch.equal(got.all, value_of(SAMPLES))


def test_another_key_is_another_store(store):
    features(SAMPLES, store("a"))
    _, asked = features(SAMPLES, store("b"))
    assert len(asked) == 5


def test_without_a_store_features_stay_in_memory(small_parts):
    got, _ = features(SAMPLES, None)
    assert torch.equal(got.all, value_of(SAMPLES))


def test_large_features_make_small_parts(store, monkeypatch):
    monkeypatch.setattr(build, "_BYTES", 16)
    features(SAMPLES, store(), bytes_of_one=8)
    assert [len(part.samples) for part in store().parts()] in ([2, 2, 1], [2, 1, 2], [1, 2, 2])


def truncated(path):
    os.truncate(path, path.stat().st_size - 4)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def emptied(path):
    path.write_bytes(b"")


def replaced(path):
    path.write_text("something else")


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, replaced])
def test_what_is_damaged_is_told_and_computed_again(store, small_parts, caplog, damage):
    features(SAMPLES, store())
    victim = sorted(store().folder.glob("*.safetensors"))[0]
    held = next(part for part in store().parts()).samples
    damage(victim)
    with caplog.at_level(logging.WARNING):
        got, asked = features(SAMPLES, store())
    assert str(victim) in caplog.text
    assert "damaged" in caplog.text
    assert set(SAMPLES[asked].tolist()) == set(held.tolist())
    assert torch.equal(got.all, value_of(SAMPLES))
    assert not features(SAMPLES, store())[1]


def test_a_folder_that_cannot_be_made_costs_the_keeping_only(tmp_path, caplog, small_parts):
    (tmp_path / "features").write_text("a file")
    with caplog.at_level(logging.WARNING):
        got, _ = features(SAMPLES, Store({"key": "a"}, tmp_path / "features"))
    assert torch.equal(got.all, value_of(SAMPLES))
    assert caplog.text.count("Features cannot be kept in") == 1  # not for each part


def test_a_full_disk_costs_the_keeping_only(store, caplog, small_parts):
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    store().folder.mkdir(parents=True)
    (store().folder / "key.json").write_text("{}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1][1]))
    try:
        with caplog.at_level(logging.WARNING):
            got, _ = features(SAMPLES, store())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before[1])
        signal.signal(signal.SIGXFSZ, before[0])
    assert torch.equal(got.all, value_of(SAMPLES))
    assert "Features cannot be kept in" in caplog.text
    assert [path.name for path in store().folder.iterdir()] == ["key.json"]
    assert len(features(SAMPLES, store())[1]) == 5


BUILDER = """
import sys, time
from pathlib import Path
import numpy as np
from graft.features import build
from graft.features.build import parts_with
from graft.features.parts import Features
from graft.features.store import Store
sys.path.insert(0, sys.argv[1])
from test_store import value_of
build._SAMPLES = 3
root, log = Path(sys.argv[2]), Path(sys.argv[3])
samples = np.arange(60, dtype=np.uint64)

def compute(positions, advance):
    time.sleep(0.05)
    with log.open("a") as file:
        file.write("".join(f"{position}\\n" for position in positions))
    time.sleep(0.05)
    return value_of(samples[positions])

got = Features(parts_with(samples, Store({"key": "a"}, root), 8, compute), samples)
assert (got.all == value_of(samples)).all()
"""


@pytest.fixture
def builder(tmp_path):
    """Starts a process that builds features; returns it and the file in which it notes what it computes."""
    started = []

    def start():
        log = tmp_path / f"computed_{len(started)}.txt"
        log.touch()
        words = [sys.executable, "-c", BUILDER, str(Path(__file__).parent), str(tmp_path / "features"), str(log)]
        started.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return started[-1], log

    yield start
    for process in started:
        process.kill()
        process.wait()


def computed(log):
    return [int(line) for line in log.read_text().split()]


def test_processes_share_the_work_and_do_nothing_twice(tmp_path, builder):
    builders = [builder() for _ in range(2)]
    assert [process.wait(timeout=200) for process, _ in builders] == [0, 0]
    shares = [computed(log) for _, log in builders]
    assert sorted(position for share in shares for position in share) == list(range(60))
    assert not list((tmp_path / "features").glob("*/*.lock"))


@pytest.mark.parametrize("after", [1, 4, 11])
def test_a_killed_process_leaves_whole_parts_only(store, builder, after):
    process, log = builder()
    deadline = time.monotonic() + 200
    while len(computed(log)) < 3 * after and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.wait()
    kept = {int(sample) for part in store().parts() for sample in part.samples}
    assert kept <= set(computed(log))
    assert len(kept) >= 3 * (after - 1)
    samples = np.arange(60, dtype=np.uint64)
    got, asked = features(samples, store())
    assert set(asked) == set(range(60)) - kept
    assert torch.equal(got.all, value_of(samples))
