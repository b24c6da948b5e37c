"""Streams of any length: short ones are read token by token, long ones in stretches of 8,192 bytes."""

import numpy as np
import pytest
from label_studio_sdk.converter.brush import decode_rle as sdk_decode
from label_studio_sdk.converter.brush import mask2rle as sdk_encode
from numpy.typing import NDArray

from backend.regions.errors import RleError
from backend.regions.rle_tokens import read_tokens

SIZES = (3, 4, 8, 16)


class Bits:
    """A stream of tokens as text of zeros and ones, with the runs that it stands for."""

    def __init__(self) -> None:
        self.text = ""
        self.runs: list[tuple[int, int]] = []

    def run(self, value: int, count: int, kind: int) -> None:
        self.text += f"1{kind:02b}{count - 1:0{SIZES[kind]}b}{value:08b}"
        self.runs.append((value, count))

    def literals(self, values: list[int], kind: int) -> None:
        self.text += f"0{kind:02b}{len(values) - 1:0{SIZES[kind]}b}" + "".join(f"{one:08b}" for one in values)
        self.runs += [(one, 1) for one in values]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.runs)

    @property
    def data(self) -> bytes:
        padded = self.text + "0" * (-len(self.text) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big")


def read(data: bytes, total: int, start: int = 0) -> list[tuple[int, int]]:
    values, counts = read_tokens(data, start=start, count_bits=SIZES, total=total)
    return list(zip(values.tolist(), counts.tolist(), strict=True))


def any_tokens(seed: int, tokens: int) -> Bits:
    random = np.random.default_rng(seed)
    bits = Bits()
    for _ in range(tokens):
        kind = int(random.integers(4))
        if random.random() < 0.7:
            bits.run(int(random.integers(256)), int(random.integers(1, 2 ** SIZES[kind] + 1)), kind)
        else:
            amount = int(random.integers(1, min(2 ** SIZES[kind], 300) + 1))
            bits.literals(random.integers(0, 256, amount).tolist(), kind)
    return bits


@pytest.mark.parametrize("tokens", [3, 30, 300, 3_000])
def test_runs_and_literals_of_all_count_sizes_are_read_whatever_the_length(tokens: int) -> None:
    bits = any_tokens(seed=tokens, tokens=tokens)
    assert read(bits.data, bits.total) == bits.runs


def test_literals_may_be_longer_than_a_stretch() -> None:
    bits = Bits()
    bits.run(3, 5, 0)
    bits.literals([one % 251 for one in range(20_000)], 3)
    bits.run(9, 7, 1)
    assert read(bits.data, bits.total) == bits.runs


@pytest.mark.parametrize("tokens", [3, 3_000])
def test_the_first_token_may_begin_at_any_bit(tokens: int) -> None:
    bits = any_tokens(seed=1, tokens=tokens)
    bits.text = "10110" + bits.text
    assert read(bits.data, bits.total, start=5) == bits.runs


@pytest.mark.parametrize("tokens", [3, 3_000])
def test_what_follows_the_last_value_is_padding(tokens: int) -> None:
    bits = any_tokens(seed=2, tokens=tokens)
    assert read(bits.data + bytes([255] * 50), bits.total) == bits.runs


@pytest.mark.parametrize("tokens", [3, 3_000])
def test_a_stream_that_ends_early_is_refused(tokens: int) -> None:
    bits = any_tokens(seed=3, tokens=tokens)
    with pytest.raises(RleError, match="ends early"):
        read(bits.data[:-2], bits.total)
    with pytest.raises(RleError, match="ends early"):
        read(bits.data, bits.total + 2**20)


@pytest.mark.parametrize("tokens", [3, 3_000])
def test_a_stream_whose_last_token_reaches_too_far_is_refused(tokens: int) -> None:
    bits = any_tokens(seed=4, tokens=tokens)
    bits.run(1, 6, 0)
    with pytest.raises(RleError, match="too long"):
        read(bits.data, bits.total - 1)


def test_a_large_noisy_mask_is_what_the_sdk_reads() -> None:
    mask: NDArray[np.uint8] = (np.random.default_rng(0).random((300, 200)) < 0.3).astype(np.uint8) * 255
    encoded = sdk_encode(mask)
    runs = read(bytes(encoded), mask.size * 4, start=53)
    values = np.repeat(*np.array(runs).T)
    assert np.array_equal(values, sdk_decode(encoded))
