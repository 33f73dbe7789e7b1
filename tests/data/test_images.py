import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from graft.data import images
from graft.data.images import SUFFIXES, ImageFiles, decode, examine
from graft.errors import GraftError

GREY = np.arange(35, dtype=np.uint8).reshape(7, 5) * 7
COLOUR = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)


def channels(image: torch.Tensor) -> np.ndarray:
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    return image.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".pgm"}))
def test_every_suffix_is_read_as_rgb(tmp_path: Path, suffix: str):
    path = tmp_path / f"image{suffix.upper()}"
    Image.fromarray(COLOUR).save(path, format=Image.registered_extensions()[suffix])
    assert decode(path).shape == (3, 7, 5)


def test_colours_and_grey_values_are_exact(tmp_path: Path):
    Image.fromarray(COLOUR).save(tmp_path / "colour.png")
    assert np.array_equal(channels(decode(tmp_path / "colour.png")), COLOUR)
    Image.fromarray(GREY).save(tmp_path / "grey.pgm")
    assert np.array_equal(channels(decode(tmp_path / "grey.pgm")), np.stack([GREY] * 3, axis=-1))


@pytest.mark.parametrize(("suffix", "dtype"), [(".png", "<u2"), (".tiff", "<u2"), (".tiff", ">u2"), (".tiff", "<i4")])
def test_16_bit_grey_is_scaled_over_its_full_range(tmp_path: Path, suffix: str, dtype: str):
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(np.array([[0, 257, 1000, 32896, 65535]], dtype=dtype)).save(path)
    assert channels(decode(path))[..., 1].tolist() == [[0, 1, 4, 128, 255]]


def test_pixels_without_a_fixed_range_are_refused(tmp_path: Path):
    Image.fromarray(np.array([[70_000]], dtype=np.int32)).save(tmp_path / "long.tiff")
    Image.fromarray(np.array([[0.5]], dtype=np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(GraftError, match="32-bit pixels have no fixed range"):
        decode(tmp_path / "long.tiff")
    assert "floating-point" in str(examine(tmp_path / "float.tiff"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(tmp_path: Path, mode: str):
    image = Image.new("RGBA", (2, 1), (10, 10, 10, 255))
    image.putpixel((1, 0), (10, 10, 10, 0))
    path = tmp_path / "transparent.png"
    if mode == "P":
        palette = Image.new("P", (2, 1))
        palette.putpalette([10, 10, 10, 0, 0, 0])
        palette.putpixel((1, 0), 1)
        palette.save(path, transparency=1)
    else:
        image.convert(mode).save(path)
    assert channels(decode(path)).tolist() == [[[10] * 3, [255] * 3]]


def test_grey_with_a_transparent_value_is_laid_on_white(tmp_path: Path):
    Image.fromarray(np.array([[0, 100]], dtype=np.uint8)).save(tmp_path / "key.png", transparency=0)
    assert channels(decode(tmp_path / "key.png"))[..., 0].tolist() == [[255, 100]]


def test_palette_bilevel_and_cmyk_become_rgb(tmp_path: Path):
    Image.fromarray(COLOUR).quantize(256).save(tmp_path / "palette.gif")
    assert np.abs(channels(decode(tmp_path / "palette.gif")).astype(int) - COLOUR).max() <= 8
    Image.new("1", (3, 2), 1).save(tmp_path / "bits.png")
    assert decode(tmp_path / "bits.png").min() == 255
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    red, green, blue = channels(decode(tmp_path / "print.jpg"))[4, 4].astype(int)
    assert red > 240
    assert max(green, blue) < 15


def test_the_orientation_of_the_camera_is_respected(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held a quarter turn to the left
    Image.fromarray(COLOUR).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(channels(decode(tmp_path / "turned.png")), np.rot90(COLOUR, -1))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".bmp", ".webp"])
def test_truncated_and_empty_files_are_refused(tmp_path: Path, suffix: str):
    path = tmp_path / f"image{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    assert not isinstance(examine(path), str)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert isinstance(examine(path), str)
    with pytest.raises(GraftError, match=path.name):
        decode(path)
    path.write_bytes(b"")
    assert examine(path) == "the file is empty (0 bytes)"
    path.write_text("<html>not found</html>")
    assert "not an image" in str(examine(path))
    path.unlink()
    assert examine(path) == "no such file"


def test_image_files_load_by_row(tmp_path: Path):
    Image.fromarray(COLOUR).save(tmp_path / "b.png")
    assert np.array_equal(channels(ImageFiles(tmp_path, ["a.png", "b.png"])(1)), COLOUR)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # as outside of tests
@pytest.mark.parametrize(
    ("side", "message"), [(13_000, r"^13,000 x 13,000 pixels are more than the 89,478,485"), (14_000, r"196000000 pix")]
)
def test_an_image_that_fills_the_memory_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, message: str
):
    path = tmp_path / "bomb.png"
    Image.new("1", (side, side)).save(path)
    assert path.stat().st_size < 30_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    found = str(examine(path))
    assert re.search(message, found)
    assert found.endswith("make it smaller")
    with pytest.raises(GraftError, match=r"bomb\.png: .*make it smaller\.$"):
        decode(path)


def test_what_is_refused_is_not_warned_of(tmp_path: Path):
    Image.new("1", (13_000, 13_000)).save(tmp_path / "bomb.png")
    module = runpy.run_path(str(images.__file__))  # pytest has put aside what it told of warnings at its import
    assert "13,000 x 13,000" in str(module["examine"](tmp_path / "bomb.png"))  # else Pillow's, which is an error here
