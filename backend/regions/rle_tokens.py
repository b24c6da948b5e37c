"""The tokens of a brush stream (see `brush_rle`), as runs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.regions.errors import RleError

_WORD_BITS = 8
_TOKEN_HEAD_BITS = 3
_FEW_BYTES = 512
# Bytes of a stream that are read at once, and those behind them that their last token's head reaches into.
_CHUNK = 8192
_CHUNK_OVERLAP = 4


def read_tokens(
    data: bytes, *, start: int, count_bits: tuple[int, ...], total: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return values and counts of a stream's runs; literals are runs of one.

    Args:
        data: the stream.
        start: the bit at which its first token begins.
        count_bits: its four count sizes, each 1 to 16.
        total: what the counts have to sum up to; what follows is padding.

    Raises `RleError` for a stream that ends early or too late.

    """
    read = _read_few if len(data) <= _FEW_BYTES else _read_many
    return read(data, start, count_bits, total)


def _read_few(
    data: bytes, start: int, count_bits: tuple[int, ...], total: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one token after the other: faster as long as there are few."""
    padded = data + bytes(8)
    available = len(data) * 8
    values, counts = bytearray(), list[int]()
    position, done = start, 0
    while done < total:
        window = int.from_bytes(padded[position >> 3 : (position >> 3) + 8], "big") << (position & 7)
        size = count_bits[window >> 61 & 3]
        count = (window >> (61 - size) & ((1 << size) - 1)) + 1
        is_run = window >> 63 & 1
        body = position + _TOKEN_HEAD_BITS + size
        position = body + (_WORD_BITS if is_run else count * _WORD_BITS)
        done += count
        if position > available or done > total:
            raise RleError("the brush stream ends early" if done <= total else "the brush stream is too long")
        if is_run:
            values.append(window >> (53 - size) & 255)
            counts.append(count)
        else:
            values += _read_bytes(padded, body, count)
            counts += [1] * count
    return np.frombuffer(values, np.uint8), np.array(counts, np.int64)


def _read_bytes(data: bytes, start: int, count: int) -> bytes:
    """Return `count` bytes that begin at a bit position."""
    chunk = int.from_bytes(data[start >> 3 : (start >> 3) + count + 1], "big")
    return (chunk >> (8 - (start & 7)) & ((1 << 8 * count) - 1)).to_bytes(count, "big")


class _Tokens(NamedTuple):
    """Tokens of a stretch of a stream.

    Attributes:
        is_run: whether each is a run; otherwise it holds literals.
        bodies: the bit at which its value or values begin.
        counts: values that it stands for.
        ends: the bit behind it; that of the last may lie outside of the stretch.

    """

    is_run: NDArray[np.bool_]
    bodies: NDArray[np.int64]
    counts: NDArray[np.int64]
    ends: NDArray[np.int64]


def _read_many(
    data: bytes, start: int, count_bits: tuple[int, ...], total: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read whole stretches of the stream.

    Where a token starts is known only once the one before it has been read. So every bit of a stretch is
    read as if a token started there, all at once; then the true starts are picked out one after the other.
    """
    octets = np.frombuffer(data + bytes(_CHUNK_OVERLAP), np.uint8)
    available = len(data) * 8
    values: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    counts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    position, done = start, 0
    while done < total:
        if position >= available:
            raise RleError("the brush stream ends early")
        first = position // 8
        stretch = octets[first : min(first + _CHUNK, len(data)) + _CHUNK_OVERLAP]
        tokens = _tokens_of(stretch, count_bits, position - 8 * first)
        sums = done + np.cumsum(tokens.counts)
        # What follows the last pixel is padding.
        last = min(int(np.searchsorted(sums, total)), len(sums) - 1)
        is_run, bodies, found = (one[: last + 1] for one in (tokens.is_run, tokens.bodies, tokens.counts))
        position, done = 8 * first + int(tokens.ends[last]), int(sums[last])
        if position > available or done > total:
            raise RleError("the brush stream ends early" if done <= total else "the brush stream is too long")
        amounts = np.where(is_run, 1, found)
        values.append(_bytes_at(octets, _consecutive(8 * first + bodies, amounts)))
        counts.append(np.repeat(np.where(is_run, found, 1), amounts))
    return np.concatenate(values), np.concatenate(counts)


def _tokens_of(stretch: NDArray[np.uint8], count_bits: tuple[int, ...], start: int) -> _Tokens:
    """Read the tokens that start in a stretch of bytes, the first of them at bit `start`."""
    words = stretch[:-_CHUNK_OVERLAP].astype(np.uint32)
    for place in (1, 2, 3):
        words = words << np.uint32(8) | stretch[place : place - _CHUNK_OVERLAP]
    # One row for each byte, one column for each of its bits: the 25 bits or more from there on, left-aligned.
    windows = (words[:, None] << np.arange(8, dtype=np.uint32)).ravel()
    sizes = np.array(count_bits, np.uint32)[windows >> np.uint32(29) & np.uint32(3)]
    counts = (windows << np.uint32(_TOKEN_HEAD_BITS) >> (np.uint32(32) - sizes)) + np.uint32(1)
    is_run = windows >> np.uint32(31) == 1
    bodies = np.arange(len(windows), dtype=np.uint32) + np.uint32(_TOKEN_HEAD_BITS) + sizes
    ends = bodies + np.uint32(_WORD_BITS) * np.where(is_run, np.uint32(1), counts)
    following, behind, starts = memoryview(ends), len(ends), list[int]()
    while start < behind:
        starts.append(start)
        start = following[start]
    chosen = np.array(starts)
    return _Tokens(is_run[chosen], *(one[chosen].astype(np.int64) for one in (bodies, counts, ends)))


def _consecutive(starts: NDArray[np.int64], amounts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bit of each of `amounts` values behind each other from each of `starts` on."""
    before = np.cumsum(amounts) - amounts
    numbers = np.arange(int(amounts.sum()), dtype=np.int64)
    return np.repeat(starts - before * _WORD_BITS, amounts) + numbers * _WORD_BITS


def _bytes_at(octets: NDArray[np.uint8], bits: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the byte that begins at each bit."""
    place = bits // 8
    pairs = octets[place].astype(np.uint16) << np.uint16(8) | octets[place + 1]
    return (pairs >> (8 - bits % 8).astype(np.uint16)).astype(np.uint8)
