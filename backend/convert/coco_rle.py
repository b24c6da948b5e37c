"""COCO's run lengths: column by column, beginning with what is outside; as numbers or packed into text.

The text packs each length, from the fourth on as the difference to the one before the last, into characters
of six bits: five bits of the number, and one that tells whether more follow.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.convert.masked_image import ConvertError

_FIRST_CHARACTER = 48
_BITS = 5
_MORE = 1 << _BITS
_SIGN = 1 << (_BITS - 1)
_MOST_BITS = 60


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a mask (H, W) as a COCO `segmentation` with packed counts."""
    height, width = mask.shape
    flat = mask.ravel(order="F")
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    lengths = np.diff(ends, prepend=0).tolist()
    if flat.size and flat[0]:
        lengths.insert(0, 0)
    return {"size": [height, width], "counts": _pack(lengths)}


def decode(segmentation: dict[str, Any], *, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask (H, W) of a COCO `segmentation` with counts, packed or not.

    Raises `ConvertError` for another size, and for counts that do not add up to it.
    """
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise ConvertError(f"a run-length mask of size {size} in an image of height {height}, width {width}")
    lengths = _unpack(counts) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or not all(isinstance(n, int) and n >= 0 for n in lengths):
        raise ConvertError("a run-length mask whose counts are no list of lengths")
    if sum(lengths) != width * height:
        raise ConvertError(f"a run-length mask of {sum(lengths)} pixels in an image of {width * height}")
    inside = np.arange(len(lengths)) % 2 == 1
    return np.repeat(inside, lengths).reshape((height, width), order="F")


def _pack(lengths: list[int]) -> str:
    characters = []
    for place, length in enumerate(lengths):
        number = length - lengths[place - 2] if place > 2 else length
        while True:
            bits = number & (_MORE - 1)
            number >>= _BITS
            more = number != (-1 if bits & _SIGN else 0)
            characters.append(chr(_FIRST_CHARACTER + (bits | _MORE if more else bits)))
            if not more:
                break
    return "".join(characters)


def _unpack(text: str) -> list[int]:
    lengths: list[int] = []
    number, shift = 0, 0
    for character in text:
        code = ord(character) - _FIRST_CHARACTER
        if not 0 <= code < 2 * _MORE or shift > _MOST_BITS:
            raise ConvertError(f"a run-length mask with the character {character!r} out of place")
        number |= (code & (_MORE - 1)) << shift
        shift += _BITS
        if code & _MORE:
            continue
        if code & _SIGN:
            number -= 1 << shift
        lengths.append(number + lengths[-2] if len(lengths) > 2 else number)
        number, shift = 0, 0
    if shift:
        raise ConvertError("a run-length mask that ends early")
    return lengths
