"""Shards of any datamodule: the same samples, splits, orders, labels; from a folder and from a stand-in for a store."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from graft.data import DataModule, ImageFolder, Streaming
from graft.data.settings import Settings
from graft.data.sharding import write_shards
from graft.data.table import Kind, Table
from graft.errors import GraftError

pytest.importorskip("litdata")
COUNTS = {"rose": 14, "tulip": 16}


class Made(DataModule):
    """Everything that a table may have, in the memory: what it loads is no file."""

    def __init__(self, samples: Callable[[int], Any], targets: Any, **settings: Any) -> None:
        super().__init__(**settings)
        self.samples, self.given_targets = samples, targets

    def read(self) -> Table:
        rows = np.arange(40)
        return Table(
            ids=[f"sample {row}" for row in rows],
            classes=["a", "b"],
            targets=self.given_targets,
            load=self.samples,
            strata=np.array([f"kind {row % 2}" for row in rows]),
            groups=np.array([f"group {row // 2}" for row in rows]),
            weights=(rows / 7 + 0.1).astype(np.float32),
            lengths=rows + 1,
            digests=rows.astype(np.uint64) + np.uint64(2**63),
            facets={"half": np.array(["first", "second"])[rows // 20]},
            kind=self.kind,
        )


def brighter(image: Tensor) -> Tensor:
    """Stands in for an augmentation."""
    return image + torch.randint(0, 9, (1,), dtype=torch.uint8)


def sharded(source: DataModule, folder: Path, chunk_bytes: int = 1_000) -> Path:
    source.setup()
    write_shards(source, folder, chunk_bytes, {})
    return folder


def streamed(settings: dict[str, Any], folder: Any, **changes: Any) -> Streaming:
    datamodule = Streaming(folder=str(folder), **(settings | {"split": {"seed": 0}} | changes))
    datamodule.setup()
    return datamodule


@pytest.fixture
def flowers(settings: Settings, make_images: Callable[..., Path]) -> ImageFolder:
    return ImageFolder(root=make_images(COUNTS), **(settings | {"augment": brighter}))


@pytest.fixture
def shards(flowers: ImageFolder, tmp_path: Path) -> Path:
    return sharded(flowers, tmp_path / "shards")


def batches(datamodule: DataModule) -> list[dict[str, Any]]:
    loader = datamodule.train_dataloader()
    found = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        found += list(loader)
    return [*found, *datamodule.val_dataloader(), *datamodule.test_dataloader()]


def same(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> bool:
    pairs = list(zip(first, second, strict=True))
    return all(
        one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one) for one, two in pairs
    )


@pytest.mark.parametrize(("prefix", "workers"), [("", 0), ("local:", 2)])
def test_batches_are_bit_for_bit_those_of_the_source(
    flowers: ImageFolder, shards: Path, settings: dict[str, Any], cache: Path, prefix: str, workers: int
):
    """Augmented ones too; with loader processes, which fetch from what stands for a store."""
    assert len(list((shards / "train").glob("*.bin"))) > 2
    datamodule = streamed(settings, f"{prefix}{shards}", augment=brighter, num_workers=workers)
    assert same(batches(datamodule), batches(flowers))
    for split in ("train", "val", "test"):
        assert datamodule.sample_ids(split) == list(flowers.sample_ids(split))
        assert datamodule.class_counts(split) == flowers.class_counts(split)
    for column in ("targets", "strata", "sizes", "digests", "looks"):
        assert np.array_equal(getattr(datamodule.table, column), getattr(flowers.table, column)), column
    fetched = list((cache / "graft" / "shards").rglob("*.bin"))
    assert len(fetched) == (len(list(shards.rglob("*.bin"))) if prefix else 0)
    limited = [streamed(settings, shards, limit=7), ImageFolder(root=flowers.root, **(settings | {"limit": 7}))]
    limited[1].setup()
    assert same(*map(batches, limited))


def test_an_images_own_file_is_what_is_stored(flowers: ImageFolder, shards: Path, settings: dict[str, Any]):
    table = streamed(settings, shards).table
    assert [table.load.encoded(row) for row in range(30)] == [(flowers.root / name).read_bytes() for name in table.ids]


PICTURES = torch.randint(0, 256, (40, 3, 5, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
FLAGS = np.stack([np.arange(40) % 2, (np.arange(40) % 3 > 0).astype(int)], axis=1)
VALUES = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "targets", "kind"),
    [(PICTURES.__getitem__, VALUES, Kind.REGRESSION), ("Größe {}".format, FLAGS, Kind.MULTI_LABEL)],
    ids=["pictures_without_files", "texts"],
)
def test_all_that_a_table_knows_is_kept(
    settings: dict[str, Any], tmp_path: Path, samples: Any, targets: Any, kind: Kind
):
    given = settings | {"kind": kind}
    source = Made(samples, targets, **given)
    table = streamed(given, sharded(source, tmp_path / "shards")).table
    own = source.table
    for column in ("targets", "strata", "groups", "weights", "lengths", "digests"):
        found, wanted = getattr(table, column), getattr(own, column)
        assert np.array_equal(found, wanted), column
        assert found.dtype.kind == wanted.dtype.kind, column
    assert table.targets.dtype == own.targets.dtype
    assert table.weights.dtype == np.float32
    assert table.facets["half"].tolist() == own.facets["half"].tolist()
    for row in range(40):
        assert (
            torch.equal(table.load(row), own.load(row)) if kind is Kind.REGRESSION else table.load(row) == own.load(row)
        )


def test_shards_that_were_written_again_at_the_same_address_are_fetched_again(
    flowers: ImageFolder, shards: Path, settings: dict[str, Any]
):
    before = streamed(settings, f"local:{shards}").table.load(3)
    path = flowers.root / flowers.table.ids[3]
    Image.fromarray(255 - before.permute(1, 2, 0).numpy()).save(path)
    shutil.rmtree(shards)
    flowers.splits = {}
    sharded(flowers, shards)
    assert torch.equal(streamed(settings, f"local:{shards}").table.load(3), 255 - before)


def chunk(folder: Path) -> Path:
    return folder / "train" / "chunk-0-1.bin"


def cut_off(folder: Path) -> None:
    chunk(folder).write_bytes(chunk(folder).read_bytes()[:-1])


def flipped(folder: Path) -> None:
    content = bytearray(chunk(folder).read_bytes())
    content[-30] ^= 1
    chunk(folder).write_bytes(bytes(content))


def relabelled(folder: Path) -> None:
    path = folder / "samples.parquet"
    path.write_bytes(path.read_bytes().replace(b"rose", b"nose"))


def of_another_format(folder: Path) -> None:
    said = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(said | {"format": 2, "graft": "7.0"}))


def pickled(folder: Path) -> None:
    """Whoever wrote the shards may have written a manifest that fits."""
    path = folder / "train" / "index.json"
    path.write_text(path.read_text().replace('["bytes"]', '["pickle"]'))
    said = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said["files"]["train/index.json"] = {"bytes": path.stat().st_size, "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json: it holds no shards, or not all"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is no manifest of shards, or damaged"),
        (of_another_format, r"format 2, written by graft 7\.0; this is graft .*, which reads format 1"),
        (lambda folder: chunk(folder).unlink(), r"chunk-0-1\.bin is missing from the shards"),
        (cut_off, r"chunk-0-1\.bin has [\d,]+ bytes of [\d,]+: it is cut off"),
        (flipped, r"chunk-0-1\.bin: sample \d+ of train has another checksum"),
        (relabelled, r"samples\.parquet is not the file that the manifest describes \(sha256"),
        (pickled, "these are no chunks that graft shard has written"),
    ],
)
def test_damage_is_told(shards: Path, settings: dict[str, Any], damage: Callable[[Path], Any], told: str):
    damage(shards)
    with pytest.raises(GraftError, match=told):
        batches(streamed(settings, shards))


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("{}s", "does not exist .* Did you mean 'shards'"),
        ("local:{}s", r"manifest\.json cannot be fetched"),
        ("ftp://somewhere", "the addresses that are known begin with s3://"),
    ],
)
def test_what_is_not_there_is_told(shards: Path, settings: dict[str, Any], folder: str, told: str):
    with pytest.raises(GraftError, match=told):
        streamed(settings, folder.format(shards))


def test_a_missing_extra_is_named(shards: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "litdata", None)
    with pytest.raises(GraftError, match=r"datamodule=streaming needs the extra: pip install 'graft\[streaming\]'"):
        streamed(settings, shards)


def test_a_file_that_vanishes_meanwhile_is_an_error_or_left_out(
    flowers: ImageFolder, settings: dict[str, Any], tmp_path: Path
):
    flowers.setup()
    gone = flowers.sample_ids("train")[2]
    (flowers.root / gone).unlink()
    with pytest.raises(GraftError, match=rf"1 of 30 samples[^$]*{gone}: No such file"):
        write_shards(flowers, tmp_path / "refused", 1_000, {})
    assert not (tmp_path / "refused" / "manifest.json").exists()
    flowers.bad_files = "skip"
    write_shards(flowers, tmp_path / "left_out", 1_000, {})
    datamodule = streamed(settings, tmp_path / "left_out")
    assert [file.id for file in datamodule.skipped] == [gone]
    assert datamodule.sample_ids("train") == [name for name in flowers.sample_ids("train") if name != gone]
