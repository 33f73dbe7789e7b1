"""What a run folder holds to be looked at: the worst errors and augmented samples."""

import io

import numpy as np
import pyarrow.parquet as pq
from PIL import Image


def test_the_worst_errors_come_first_with_their_pictures(tiny, flowers):
    folder = tiny("trainer.max_epochs=1", "optimizer.lr=0")
    predicted = {row["id"]: row for row in pq.read_table(folder / "predictions.parquet").to_pylist()}
    worst = pq.read_table(folder / "errors.parquet").to_pylist()
    test = [row for row in predicted.values() if row["split"] == "test"]
    wrong = [row for row in test if row["prediction"] != row["target"]]
    assert len(worst) == len(wrong) > 0
    shares = [abs(predicted[row["id"]]["probability/rose"] - 0.5) for row in worst]
    assert shares == sorted(shares, reverse=True)
    assert all(predicted[row["id"]]["prediction"] != predicted[row["id"]]["target"] for row in worst)
    with Image.open(io.BytesIO(worst[0]["image"])) as picture, Image.open(flowers / worst[0]["id"]) as original:
        assert picture.size == original.size


def test_texts_are_shown_as_they_are(tiny_text, reviews):
    worst = pq.read_table(tiny_text("trainer.max_epochs=1", "optimizer.lr=0") / "errors.parquet").to_pylist()
    lines = reviews.read_text().splitlines()
    assert worst
    assert all(row["text"] in lines[int(row["id"])] and row["image"] is None for row in worst)


def test_augmented_samples_are_shown_below_the_originals_where_there_is_augmentation(tiny):
    plain = tiny("trainer.max_epochs=1", name="plain")
    flipped = tiny("augmentation=dihedral", "trainer.max_epochs=1", name="flipped")
    mixed = tiny("augmentation=mixup", "trainer.max_epochs=1", name="mixed")
    assert not (plain / "augmentation.png").exists()
    pixels = []
    for folder in (flipped, mixed):
        with Image.open(folder / "augmentation.png") as picture:
            pixels.append(np.array(picture))
    first_row = 164  # pixels: a sample and its border
    originals, below = [each[:first_row] for each in pixels], [each[first_row : 2 * first_row] for each in pixels]
    assert np.array_equal(*originals)
    assert not np.array_equal(*below)
    assert not any(np.array_equal(above, row) for above, row in zip(originals, below, strict=True))
