"""Images that several epochs read: decoded once, and never other ones than those in the files."""

import logging
import os
import pickle
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from torchvision.transforms import v2

from graft.backbones.images import ImagePreprocessing
from graft.data import DataModule, ImageFolder, Known, OnBatches
from graft.data.samples import finished_on_device
from graft.data.sampling import Draw
from graft.decoding import keep_images

TRAINED = ["strategy=full_finetuning", "trainer.max_epochs=2", "bootstrap=0", "optimizer.lr=1e-3"]
SETTINGS = {
    "name": "test",
    "batch_size": 6,
    "eval_batch_size": 4,
    "num_workers": 0,
    "shots": None,
    "limit": None,
    "bad_files": "error",
    "split": {"test": 0.2, "val": 0.2, "seed": 0, "group": None},
    "augment": None,
    "seed": 0,
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """40 bitmaps of many sizes, in two classes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    noise = np.random.default_rng(0)
    for number in range(40):
        folder = tmp_path / "images" / ("odd" if number % 2 else "even")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = noise.integers(0, 256, (*noise.integers(20, 40, 2), 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.bmp")
    return tmp_path / "images"


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that are decoded, after the table has been read."""
    from graft.data import images

    own, names = images.decode, []
    monkeypatch.setattr(images, "decode", lambda path: (names.append(path.name), own(path))[1])
    return names


@pytest.fixture
def made(root, tmp_path, decoded):
    """A datamodule that has kept its images, or, with `images=False`, has not; `decoded` tells how many it took."""

    def make(images=True, epochs=3, max_gb=1.0, known=None, crop_pct=0.9, mean=0.5, folder=None, **changes):
        preprocessing = ImagePreprocessing(16, crop_pct, "bicubic", (mean,) * 3, (0.2,) * 3)
        datamodule = ImageFolder(root=root, preprocess=lambda train: preprocessing, **(SETTINGS | changes))
        datamodule.setup()
        datamodule.use_features(known or {})
        cache = {"enabled": True, "images": images, "folder": str(folder or tmp_path / "kept"), "max_gb": max_gb}
        trainer = SimpleNamespace(max_epochs=epochs, check_val_every_n_epoch=1)
        decoded.clear()
        keep_images(OmegaConf.create({"cache": cache}), trainer, datamodule)
        return datamodule

    return make


def inputs(datamodule, epochs=2):
    """What the network sees in each epoch of training and validation."""
    seen = []
    for epoch in range(epochs):
        train = datamodule.train_dataloader()
        train.sampler.set_epoch(epoch)
        seen += [batch["inputs"] for loader in (train, datamodule.val_dataloader()) for batch in loader]
    return torch.cat(seen)


def same(first, second):
    return torch.equal(inputs(first), inputs(second))


CROPS = v2.Compose([v2.RandomResizedCrop(20, antialias=True), v2.RandomHorizontalFlip()])
MIXED = {"mix": (OnBatches(v2.MixUp(alpha=0.4, num_classes=2)),)}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, {"resized"}),
        ({"augment": CROPS}, {"decoded", "resized"}),
        ({"augment": torch.Tensor.bitwise_not_}, {"decoded", "resized"}),  # it writes to what it is given
        (MIXED, {"resized"}),
    ],
)
def test_batches_are_the_same_bit_for_bit_and_files_are_opened_once(made, decoded, graft, capsys, changes, kept):
    plain = made(images=False, **changes)
    first = made(**changes)
    assert len(decoded) >= 32  # those of train and val
    decoded.clear()
    assert same(first, plain)
    assert not {name for name in decoded if decoded.count(name) > 2}  # by `plain` alone, in its two epochs
    again = made(**changes)
    assert len(decoded) <= 3  # a look at what they are
    decoded.clear()
    inputs(again)
    assert not decoded
    assert graft("cache", f"folder={again.root.parent / 'kept'}") == 0
    out = capsys.readouterr().out
    assert {word for word in ("decoded", "resized") if f"{word} images" in out} == kept


def test_other_pixels_names_and_arguments_are_never_taken_for_those_that_are_kept(made, root, decoded):
    made()
    victim = sorted(root.rglob("*.bmp"))[7]
    before = victim.stat()
    content = bytearray(victim.read_bytes())
    content[60] ^= 0x80
    victim.write_bytes(bytes(content))
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert same(made(), made(images=False))
    for number, path in enumerate(sorted(root.rglob("*.bmp"), reverse=True)):
        path.rename(path.with_name(f"a{number:02}.bmp"))
    renamed = made(split=SETTINGS["split"] | {"test": 0.3})
    assert len(decoded) <= 12  # those that are of the test split no longer, or were changed
    assert same(renamed, made(images=False, split=SETTINGS["split"] | {"test": 0.3}))
    cropped = made(crop_pct=0.5)
    assert len(decoded) >= 32
    assert same(cropped, made(images=False, crop_pct=0.5))
    shifted = made(mean=0.4)  # comes after what is kept, which is shared
    assert len(decoded) <= 12
    assert same(shifted, made(images=False, mean=0.4))


@pytest.mark.parametrize("changes", [{"epochs": 1}, {"images": False}, {"max_gb": 1e-6}])
def test_nothing_is_kept_where_it_would_not_serve(made, tmp_path, caplog, changes):
    with caplog.at_level(logging.INFO):
        made(**changes)
    assert not (tmp_path / "kept").exists()
    assert ("would take" in caplog.text) == ("max_gb" in changes)


def test_epochs_of_which_features_are_known_need_no_images(made, tmp_path):
    rows = {split: len(found) for split, found in made(images=False).splits.items()}
    for ends, epochs, kept in ((None, 9, False), (2, 3, False), (2, 4, True)):
        known = {split: [Known(torch.zeros(rows[split], 1), ends=ends)] for split in ("train", "val")}
        made(epochs=epochs, known=known)
        assert (tmp_path / "kept").exists() == kept


def unwritable(folder, monkeypatch):
    folder.write_text("a file")


def full(folder, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))


def breaking(folder, monkeypatch):
    def write(tensors, path, metadata):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("graft.features.parts.save_file", write)


@pytest.mark.parametrize(
    ("trouble", "said"), [(unwritable, "Not a directory"), (full, "1.0 kB are free"), (breaking, "No space left")]
)
def test_where_images_cannot_be_kept_the_run_goes_on_and_says_so(made, tmp_path, caplog, monkeypatch, trouble, said):
    trouble(tmp_path / "kept", monkeypatch)
    with caplog.at_level(logging.WARNING):
        datamodule = made()
    assert caplog.text.count("Images cannot be kept in") == 1
    assert said in caplog.text
    assert same(datamodule, made(images=False))


def test_a_part_that_is_cut_off_is_made_again(made, tmp_path, caplog, decoded):
    made()
    victim = next((tmp_path / "kept").glob("*/*.safetensors"))
    os.truncate(victim, victim.stat().st_size - 1)
    with caplog.at_level(logging.WARNING):
        again = made()
    assert str(victim) in caplog.text
    assert len(decoded) >= 6
    assert same(again, made(images=False))


def test_images_travel_to_other_processes_by_their_paths(made):
    for changes in ({}, {"augment": CROPS}):
        dataset = made(**changes).dataset("train", train=True, fitting=True)
        travelled = pickle.dumps(dataset)
        assert len(travelled) < 16 * 16 * 3 * len(dataset)
        assert torch.equal(pickle.loads(travelled)[3]["inputs"], dataset[3]["inputs"])


@pytest.mark.parametrize(
    ("device", "changes", "there"), [("cuda", {}, True), ("cpu", {}, False), ("cuda", MIXED, False)]
)
def test_batches_travel_to_a_gpu_in_bytes_unless_they_are_mixed_before(made, device, changes, there):
    datamodule = made(**changes)
    strategy, state = SimpleNamespace(root_device=torch.device(device)), SimpleNamespace(fn=None)
    datamodule.trainer = SimpleNamespace(world_size=1, global_rank=0, strategy=strategy, state=state)
    for loader in (datamodule.train_dataloader(), datamodule.val_dataloader()):
        assert loader.dataset.on_device == there
    batch = datamodule.train_dataloader().dataset.__getitems__([Draw(0, 1), Draw(0, 2)])
    assert ("pixels" in batch) == there
    assert batch["pixels" if there else "inputs"].dtype == (torch.uint8 if there else torch.float32)


def test_whole_runs_end_with_the_same_weights_wherever_batches_are_finished(tiny, weights, monkeypatch):
    own = [*TRAINED, "augmentation=light"]
    plain = weights(tiny(*own, "cache.images=false", name="plain"))
    kept = weights(tiny(*own, name="kept"))
    monkeypatch.setattr(DataModule, "_for_device", lambda self, samples: finished_on_device(samples))
    on_device = weights(tiny(*own, name="on_device"))
    assert all(torch.equal(plain[name], kept[name]) and torch.equal(plain[name], on_device[name]) for name in plain)
    tiny(*own, "trainer.precision=bf16-true", "trainer.max_epochs=1", name="in_bytes")
