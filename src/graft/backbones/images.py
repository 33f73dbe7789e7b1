"""From the canonical image to what an image network takes in."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from graft.errors import ConfigError, many


@dataclass(frozen=True)
class Cropping:
    """Resizes and crops the centre.

    Attributes:
        size: Side of the square that comes out, in pixels.
        crop_pct: That side over the shorter side of the resized image, in (0, 1].
        interpolation: `nearest`, `bilinear` or `bicubic`.
        grey: Whether one channel comes out, not three.
    """

    size: int
    crop_pct: float
    interpolation: str
    grey: bool

    @property
    def identity(self) -> str:
        """Another text for all that makes other pixels of the same image."""
        return repr(self)

    def __call__(self, image: Tensor) -> Tensor:
        """Turns uint8 `(3, height, width)` into uint8 `(channels, size, size)`."""
        if self.grey:
            image = functional.rgb_to_grayscale(image)
        image = functional.resize(
            image, [round(self.size / self.crop_pct)], InterpolationMode(self.interpolation), antialias=True
        )
        cropped: Tensor = functional.center_crop(image, [self.size])
        return cropped


@dataclass(frozen=True)
class Normalisation:
    """Shifts and scales each channel.

    Attributes:
        mean: Per channel, of images in [0, 1].
        std: Per channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Turns uint8 `(…, channels, height, width)` into float32 of that shape, on the device where they are."""
        scaled = functional.to_dtype(pixels, torch.float32, scale=True)
        normalised: Tensor = functional.normalize(scaled, list(self.mean), list(self.std))
        return normalised


@dataclass(frozen=True)
class ImagePreprocessing:
    """Resizes, crops the centre and normalises.

    Attributes:
        size: Side of the square that comes out, in pixels.
        crop_pct: That side over the shorter side of the resized image, in (0, 1].
        interpolation: `nearest`, `bilinear` or `bicubic`.
        mean: Per channel, of images in [0, 1]; one value for a network that takes grey images.
        std: Per channel.

    Raises:
        ConfigError: `crop_pct` is outside (0, 1], or `mean` and `std` are not one number or three each, `std` positive.
    """

    size: int
    crop_pct: float
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    takes: ClassVar[type] = Tensor

    def __post_init__(self) -> None:
        if not 0 < self.crop_pct <= 1:
            raise ConfigError(f"backbone.crop_pct must lie in (0, 1], got {self.crop_pct}.")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, 3) or len(values) != len(self.mean):
                raise ConfigError(
                    f"backbone.{name} has {many(len(values), 'value')}: give three (or, for grey images, one)."
                )
        if min(self.std) <= 0:
            raise ConfigError(f"backbone.std must be positive, got {list(self.std)}.")

    @property
    def identity(self) -> str:
        """Another text for all that makes another input of the same image."""
        return repr(self)

    @property
    def pixels(self) -> Cropping:
        """What is done to each image, in bytes."""
        return Cropping(self.size, self.crop_pct, self.interpolation, grey=len(self.mean) == 1)

    @property
    def normalise(self) -> Normalisation:
        """What is then done to whole batches, in floating point."""
        return Normalisation(self.mean, self.std)

    def __call__(self, image: Tensor) -> Tensor:
        """Turns uint8 `(3, height, width)` into float32 `(channels, size, size)`."""
        return self.normalise(self.pixels(image))


def channels_last(images: Tensor) -> Tensor:
    """Lays out `(batch, channels, height, width)` with the channels innermost; other shapes stay as they are."""
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images
