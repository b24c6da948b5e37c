"""The photographs that masks belong to: looked up by name, for their file names and sizes."""

from functools import cached_property
from pathlib import Path
from typing import Protocol

from PIL import Image, UnidentifiedImageError

from backend.convert.masked_image import ConvertError, Source
from backend.painting import IMAGE_SUFFIXES

_ORIENTATION = 0x0112
_TURNED = frozenset({5, 6, 7, 8})


class Photographs(Protocol):
    """Where the photographs that masks belong to are looked up."""

    def file_of(self, name: str) -> str | None:
        """Return a photograph's file, or None when it is not known."""
        ...

    def size_of(self, name: str) -> tuple[int, int] | None:
        """Return a photograph's displayed width and height in pixels, or None when they are not known."""
        ...


class SizesOf:
    """Files and sizes as another data set has them.

    Args:
        source: the data set.

    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names = frozenset(source.names())

    def file_of(self, name: str) -> str | None:
        """Return an image's file."""
        return self._source.load(name).file if name in self._names else None

    def size_of(self, name: str) -> tuple[int, int] | None:
        """Return an image's width and height in pixels."""
        if name not in self._names:
            return None
        image = self._source.load(name)
        return image.width, image.height


class ImageFolder:
    """A folder of photographs.

    Args:
        folder: searched with all folders below it; None when there is none.

    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @cached_property
    def _by_name(self) -> dict[str, Path]:
        if self._folder is None:
            return {}
        if not self._folder.is_dir():
            raise ConvertError(f"{self._folder} is no folder of images")
        return {
            path.relative_to(self._folder).with_suffix("").as_posix(): path
            for path in sorted(self._folder.rglob("*"))
            if path.suffix.lower() in IMAGE_SUFFIXES
        }

    def names(self) -> list[str]:
        """Return the photographs' paths without suffix."""
        return list(self._by_name)

    def file_of(self, name: str) -> str | None:
        """Return a photograph's path below the folder, or None when it is not there."""
        path = self._by_name.get(name)
        return path.relative_to(self._folder).as_posix() if path and self._folder else None

    def size_of(self, name: str) -> tuple[int, int] | None:
        """Return a photograph's displayed width and height in pixels, or None when it is not there."""
        path = self._by_name.get(name)
        if path is None:
            return None
        try:
            with Image.open(path) as picture:
                turned = picture.getexif().get(_ORIENTATION) in _TURNED
                width, height = picture.size
        except (OSError, UnidentifiedImageError) as error:
            raise ConvertError(f"{path} is no image: {error}") from error
        return (height, width) if turned else (width, height)
