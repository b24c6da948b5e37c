"""What every format is read into: images with labelled masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.errors import BackendError

Mask = NDArray[np.bool_]
MOST_PIXELS = 200_000_000


class ConvertError(BackendError):
    """Files that cannot be converted; the message names the file and the cure."""


@dataclass(frozen=True, slots=True)
class LabelledMask:
    """One region.

    Attributes:
        label: its name.
        mask: (H, W).

    """

    label: str
    mask: Mask


@dataclass(frozen=True, slots=True)
class MaskedImage:
    """One image with its regions.

    Attributes:
        name: the image's path without suffix, which tells images apart and names what is written.
        file: the image's file name.
        width: in pixels.
        height: in pixels.
        regions: in the order in which they lie over each other, the uppermost last.

    """

    name: str
    file: str
    width: int
    height: int
    regions: tuple[LabelledMask, ...]


class Source(Protocol):
    """A data set that was opened."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, in the order of the data set."""
        ...

    def names(self) -> Sequence[str]:
        """Return the images' names, each once."""
        ...

    def load(self, name: str) -> MaskedImage:
        """Return one image with its regions; raises `ConvertError`."""
        ...


class Writer(Protocol):
    """A data set that is being written."""

    def write(self, image: MaskedImage) -> None:
        """Add one image."""
        ...

    def finish(self) -> None:
        """Write what describes the whole data set."""
        ...


def read_size(width: object, height: object, *, where: str) -> tuple[int, int]:
    """Check the sides in pixels that a file claims; raises `ConvertError` for what is no image's size."""
    if not isinstance(width, int) or not isinstance(height, int) or width < 1 or height < 1:
        raise ConvertError(f"{where}: an image of {width!r} x {height!r} pixels")
    if width * height > MOST_PIXELS:
        raise ConvertError(f"{where}: {width} x {height} pixels are more than {MOST_PIXELS}")
    return width, height


def paint(image: MaskedImage, labels: Sequence[str]) -> NDArray[np.uint16]:
    """Return the label map (H, W) of an image: 0 = nothing, i = the i-th label; later regions win."""
    numbers = {label: number for number, label in enumerate(labels, start=1)}
    label_map = np.zeros((image.height, image.width), np.uint16)
    for region in image.regions:
        label_map[region.mask] = numbers[region.label]
    return label_map
