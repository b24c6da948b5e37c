"""Real photographs for tests, from the packages of the `demo` extra, small enough for one slow core."""

import functools
import io
from collections.abc import Sequence

from PIL import Image

from backend.demo.photos import Photo, sample_photos

LONGEST_SIDE = 256


@functools.cache
def _all_small() -> dict[str, Photo]:
    return {photo.name: Photo(photo.name, _smaller(photo.content)) for photo in sample_photos()}


def small_photos(names: Sequence[str] = ("chelsea.jpg", "coffee.jpg")) -> list[Photo]:
    """Return sample photographs, at most 256 pixels on their longest side: a cat and a cup by default."""
    return [_all_small()[name] for name in names]


def _smaller(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=92)
    return file.getvalue()
