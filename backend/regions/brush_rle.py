"""Label Studio's brush format: thi.ng's rle-pack over RGBA bytes, as a list of integers 0..255.

A bit stream, most significant bit first: 32 bits count of values, 5 bits word size - 1, four times 4 bits
count size - 1; then tokens of 1 bit run or literal, 2 bits index of the count size, the count - 1, and one
8-bit value for a run or `count` of them for a literal. Four equal values make a pixel; only the last of them,
alpha, is used by the editor.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.regions.errors import RleError
from backend.regions.rle_tokens import read_tokens

CHANNELS = 4
_WORD_BITS = 8
_COUNT_BITS = (3, 4, 8, 16)
_LONGEST_RUN = 2**16
_HEADER_BITS = 32 + 5 + 4 * len(_COUNT_BITS)
_TOKEN_HEAD_BITS = 3
_FEW_TOKENS = 64


def encode_mask(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> list[int]:
    """Encode a mask as the brush tool does.

    Args:
        mask: (H, W); booleans mean 0 or 255, uint8 values are taken as alpha (0..255).

    Returns the integers for a region's `rle`, byte for byte those of the SDK's encoder.

    """
    alpha: NDArray[np.uint8] = np.ascontiguousarray(mask, dtype=np.uint8)
    if mask.dtype == np.bool_:
        alpha = alpha * np.uint8(255)
    values, lengths = _runs(alpha.ravel())
    run_values, counts, kinds = _split_into_tokens(values, lengths * CHANNELS)
    pack = _pack_few if len(counts) <= _FEW_TOKENS else _pack
    return pack(run_values, counts, kinds, total=alpha.size * CHANNELS)


def decode_rle(values: Sequence[int], *, width: int, height: int) -> NDArray[np.uint8]:
    """Decode a region's `rle` to its alpha channel (H, W), 0..255.

    The header is compared with the image before anything of its size is allocated.

    Raises `RleError` for values that are no bytes, another size, or a stream that ends early or too late.
    """
    try:
        data = bytes(values)
    except (ValueError, TypeError) as error:
        raise RleError(f"a brush region is a list of integers 0..255: {error}") from None
    total = width * height * CHANNELS
    count_bits = _read_header(data, total)
    run_values, counts = read_tokens(data, start=_HEADER_BITS, count_bits=count_bits, total=total)
    # Alpha is the last of a pixel's four values: a run gives as many pixels as it holds of their last ones.
    ends = np.cumsum(counts) // CHANNELS
    alpha = np.repeat(run_values, np.diff(ends, prepend=0))
    return alpha.reshape(height, width)


def _runs(flat: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Values and lengths in pixels of the runs of equal values."""
    if flat.size == 0:
        return flat, np.empty(0, np.int64)
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]), flat.size - 1)
    return flat[ends], np.diff(ends, prepend=-1)


def _split_into_tokens(
    values: NDArray[np.uint8], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Cut runs that are too long; returns the tokens' values, counts and indices of their count sizes."""
    kinds = np.searchsorted(np.array([8, 16, 256]), lengths)
    pieces = (lengths - 1) // _LONGEST_RUN + 1
    counts = np.full(int(pieces.sum()), _LONGEST_RUN, np.int64)
    counts[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * _LONGEST_RUN
    # The rest of a long run keeps the long count, as the brush tool writes it.
    return np.repeat(values, pieces), counts, np.repeat(kinds, pieces)


def _pack_few(
    values: NDArray[np.uint8], counts: NDArray[np.int64], kinds: NDArray[np.int64], *, total: int
) -> list[int]:
    """Do what `_pack` does by one large number: faster as long as there are few tokens."""
    bits, length = _header(total), _HEADER_BITS
    for value, count, kind in zip(values.tolist(), counts.tolist(), kinds.tolist(), strict=True):
        size = _COUNT_BITS[kind]
        width = _TOKEN_HEAD_BITS + size + _WORD_BITS
        bits = bits << width | ((4 + kind) << size | count - 1) << _WORD_BITS | value
        length += width
    padding = 8 - length % 8
    return list((bits << padding).to_bytes((length + padding) // 8, "big"))


def _pack(
    values: NDArray[np.uint8], counts: NDArray[np.int64], kinds: NDArray[np.int64], *, total: int
) -> list[int]:
    """Lay the tokens' bits behind the header, in 32-bit words, and return the bytes."""
    count_bits = np.array(_COUNT_BITS, np.int64)[kinds]
    codes = (((4 + kinds) << count_bits) | (counts - 1)) << _WORD_BITS | values
    widths = _TOKEN_HEAD_BITS + count_bits + _WORD_BITS
    ends = _HEADER_BITS + np.cumsum(widths)
    starts = ends - widths
    bits = int(ends[-1]) if len(ends) else _HEADER_BITS
    first_word, inside = starts // 32, starts % 32
    # A token has at most 27 bits, so it lies in one word or two; bits of different tokens never overlap,
    # hence adding is the same as or-ing, and float sums below 2**53 are exact.
    wide = codes.astype(np.uint64) << (64 - widths - inside).astype(np.uint64)
    words = np.zeros(bits // 32 + 3, np.float64)
    words += np.bincount(first_word, weights=wide >> np.uint64(32), minlength=len(words))
    words += np.bincount(first_word + 1, weights=wide & np.uint64(0xFFFFFFFF), minlength=len(words))
    packed = words.astype(np.uint64).astype(">u4").view(np.uint8)
    padding = -_HEADER_BITS % 8
    header = (_header(total) << padding).to_bytes((_HEADER_BITS + padding) // 8, "big")
    packed[: len(header)] |= np.frombuffer(header, np.uint8)
    # The brush tool's own encoder ends with at least one padding bit.
    finished: list[int] = packed[: bits // 8 + 1].tolist()
    return finished


def _header(total: int) -> int:
    """The header's bits as a number."""
    bits = total
    for number, size in ((_WORD_BITS - 1, 5), *((size - 1, 4) for size in _COUNT_BITS)):
        bits = bits << size | number
    return bits


def _read_header(data: bytes, total: int) -> tuple[int, ...]:
    """Check the header against the image and return the stream's four count sizes in bits."""
    if len(data) * 8 < _HEADER_BITS:
        raise RleError(f"a brush stream of {len(data)} bytes has no complete header")
    header = int.from_bytes(data[:7], "big") >> (56 - _HEADER_BITS)
    count_bits = tuple((header >> shift & 15) + 1 for shift in (12, 8, 4, 0))
    word_bits = (header >> 16 & 31) + 1
    declared = header >> 21
    if word_bits != _WORD_BITS:
        raise RleError(f"a brush stream of {word_bits}-bit words; only {_WORD_BITS}-bit ones are masks")
    if declared != total:
        raise RleError(
            f"the brush stream is for {declared // CHANNELS} pixels, the image has {total // CHANNELS}: "
            "it was painted on an image of another size"
        )
    return count_bits
