import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import train_test_split

from graft.data import ELPV
from graft.data.elpv import find_labels, read_labels
from graft.data.images import ImageFacts
from graft.errors import ConfigError, GraftError

FACTS = ImageFacts(300, 300, "0" * 16, "0" * 16)


@pytest.fixture
def make(settings: dict[str, Any]) -> Callable[..., ELPV]:
    def make(**changes: Any) -> ELPV:
        return ELPV(**({"distribution": "elpv-dataset", "label_weights": "none"} | settings | changes))

    return make


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package "cells" with a small data set in it; returns the folder of the data."""
    data = tmp_path / "site/elpv_dataset/data"
    (data / "images").mkdir(parents=True)
    lines = []
    for number in range(48):
        Image.new("L", (300, 300), number).save(data / f"images/{number}.png")
        lines.append(f"images/{number}.png  {(0, 1 / 3, 2 / 3, 1)[number % 4]}   {('mono', 'poly')[number // 4 % 2]}\n")
    (data / "labels.csv").write_text("".join(lines))
    digest = hashlib.sha256((data / "labels.csv").read_bytes()).digest()
    listed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    info = tmp_path / "site/cells-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cells\nVersion: 1\n")
    (info / "RECORD").write_text(f"elpv_dataset/data/labels.csv,sha256={listed},1\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return data


def test_the_splits_of_the_paper(make: Callable[..., ELPV], monkeypatch: pytest.MonkeyPatch):
    """On the published labels; the images are not decoded here."""
    monkeypatch.setattr("graft.data.images.examine", lambda path: FACTS)
    datamodule = make()
    datamodule.setup()
    cells = [line.split() for line in find_labels("elpv-dataset").read_text().splitlines()]
    labels = [int(float(cell[1]) >= 0.5) for cell in cells]
    strata = np.array([f"{label}/{cell[2]}" for label, cell in zip(labels, cells, strict=True)])
    rest, test = train_test_split(np.arange(2624), test_size=0.25, stratify=strata, random_state=0)
    train, val = train_test_split(rest, test_size=0.15, stratify=strata[rest], random_state=0)
    for name, rows in (("train", train), ("val", val), ("test", test)):
        assert np.array_equal(datamodule.splits[name], rows)
    assert (len(train), len(val), len(test)) == (1672, 296, 656)
    assert datamodule.table.targets.tolist() == labels
    assert datamodule.classes == ["functional", "defective"]
    assert np.sum([[*datamodule.class_counts(split).values()] for split in datamodule.splits], axis=0).tolist() == [
        1803,
        821,
    ]
    assert datamodule.sample_ids("val")[0] == cells[val[0]][0]


def test_a_real_image_is_what_it_should_be(make: Callable[..., ELPV], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("graft.data.images.examine", lambda path: FACTS)
    datamodule = make()
    datamodule.setup()
    image = datamodule.dataset("test", train=False)[0]["inputs"]
    assert image.shape == (3, 300, 300)
    assert (image[0] == image[2]).all()
    assert image.std() > 5


def test_labels_and_weights(make: Callable[..., ELPV], install: Path):
    datamodule = make(distribution="cells", label_weights="confidence")
    datamodule.setup()
    batch = next(iter(datamodule.test_dataloader()))
    rows = batch["index"] % 4
    assert batch["inputs"][:, 0, 0, 0].tolist() == batch["index"].tolist()  # the grey value is the row
    assert batch["target"].tolist() == (rows >= 2).long().tolist()
    assert batch["weight"].tolist() == pytest.approx([(1.5, 0.5, 0.5, 1.5)[row] for row in rows])  # their mean is 1
    plain = make(distribution="cells")
    plain.setup()
    assert "weight" not in next(iter(plain.test_dataloader()))
    with pytest.raises(ConfigError, match="label_weights=sure: choose none or confidence"):
        make(label_weights="sure")


def test_changed_labels_are_refused(make: Callable[..., ELPV], install: Path):
    path = install / "labels.csv"
    path.write_text(path.read_text().replace("  1   ", "  0   "))
    with pytest.raises(GraftError, match=r"labels\.csv is not the one that cells was published with"):
        make(distribution="cells").setup()
    path.unlink()
    with pytest.raises(GraftError, match=r"lacks the file .*labels\.csv"):
        make(distribution="cells").setup()


def test_a_missing_package_is_named_with_the_command(make: Callable[..., ELPV]):
    with pytest.raises(GraftError, match="not installed: pip install no-such-cells"):
        make(distribution="no-such-cells").setup()


def test_bad_images_are_named_or_skipped(make: Callable[..., ELPV], install: Path):
    (install / "images/5.png").unlink()
    (install / "images/6.png").write_bytes(b"")
    with pytest.raises(GraftError, match=r"2 of 48 samples .*\n  images/5\.png: no such file"):
        make(distribution="cells").setup()
    datamodule = make(distribution="cells", bad_files="skip")
    datamodule.setup()
    assert [file.id for file in datamodule.skipped] == ["images/5.png", "images/6.png"]
    assert len(datamodule.table.ids) == 46
    batch = next(iter(datamodule.test_dataloader()))
    greys = [int(Path(datamodule.table.ids[row]).stem) for row in batch["index"]]
    assert batch["inputs"][:, 0, 0, 0].tolist() == greys


def test_a_broken_line_is_named(tmp_path: Path):
    (tmp_path / "labels.csv").write_text("images/1.png 0.0 mono\n\nimages/2.png zero mono\n")
    with pytest.raises(GraftError, match=r"line 3: 'images/2\.png zero mono'"):
        read_labels(tmp_path / "labels.csv")
