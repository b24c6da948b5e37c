"""Folders of PNG masks: an index for each pixel, or a colour."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from backend.convert.image_folder import Photographs
from backend.convert.label_list import FILE_NAME, ListedLabel, listed, read_label_list, write_label_list
from backend.convert.masked_image import ConvertError, LabelledMask, MaskedImage, paint
from backend.overlays import palette_image

_NOTHING = 0
_IGNORED = 255


class PngFolder:
    """Masks that are read.

    A picture with a palette or grey values holds the labels' numbers, a colour picture their colours; 0 and
    black are nothing, 255 is ignored.

    Args:
        folder: the masks, `NAME.png`.
        images: the photographs, for their file names.
        labels: the labels; None reads `labels.txt` in the folder.

    """

    def __init__(self, folder: Path, *, images: Photographs, labels: Sequence[ListedLabel] | None) -> None:
        self._folder = folder
        self._images = images
        self._listed = tuple(labels) if labels is not None else read_label_list(folder / FILE_NAME)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the list."""
        return tuple(label.name for label in self._listed)

    @cached_property
    def _files(self) -> dict[str, Path]:
        files = sorted(self._folder.rglob("*.png"))
        return {path.relative_to(self._folder).with_suffix("").as_posix(): path for path in files}

    def names(self) -> Sequence[str]:
        """Return the masks' names."""
        return list(self._files)

    def load(self, name: str) -> MaskedImage:
        """Return one mask, a region for each label in it."""
        path = self._files[name]
        numbers = self._numbers(path)
        height, width = numbers.shape
        by_number = {label.number: label.name for label in self._listed}
        found = [int(number) for number in np.unique(numbers)]
        unknown = [number for number in found if number not in {*by_number, _NOTHING, _IGNORED}]
        if unknown:
            raise ConvertError(
                f"{path} holds the values {unknown[:5]}, which the list of labels does not name: "
                f"it has {sorted(by_number)}"
            )
        regions = [LabelledMask(by_number[n], numbers == n) for n in found if n in by_number]
        return MaskedImage(name, self._images.file_of(name) or f"{name}.jpg", width, height, tuple(regions))

    def _numbers(self, path: Path) -> NDArray[np.int32]:
        """The label's number of every pixel."""
        try:
            with Image.open(path) as picture:
                if picture.mode not in ("RGB", "RGBA"):
                    return np.asarray(picture).astype(np.int32)
                colours = np.asarray(picture.convert("RGB")).astype(np.int32)
        except (OSError, UnidentifiedImageError) as error:
            raise ConvertError(f"{path} is no PNG: {error}") from error
        packed = _packed(colours[..., 0], colours[..., 1], colours[..., 2])
        numbers = np.zeros(packed.shape, np.int32)
        named = packed == 0
        for label in self._listed:
            here = packed == _packed(*label.colour)
            numbers[here] = label.number
            named |= here
        if not named.all():
            code = int(packed[~named][0])
            raise ConvertError(f"{path} holds the colour #{code:06x}, which the list of labels does not name")
        return numbers


class PngFolderWriter:
    """Masks that are written: index PNG with a palette, and `labels.txt`.

    Args:
        folder: made when missing.
        labels: at most 255.

    """

    def __init__(self, folder: Path, *, labels: Sequence[str]) -> None:
        self._folder = folder
        self._labels = tuple(labels)
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, image: MaskedImage) -> None:
        """Write `NAME.png`."""
        path = self._folder / f"{image.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        palette_image(paint(image, self._labels), count=len(self._labels)).save(path)

    def finish(self) -> None:
        """Write `labels.txt`."""
        write_label_list(self._folder / FILE_NAME, listed(self._labels))


def _packed(red: Any, green: Any, blue: Any) -> Any:
    """One number for a colour, or for each colour of three arrays of channels."""
    return (red << 16) | (green << 8) | blue
