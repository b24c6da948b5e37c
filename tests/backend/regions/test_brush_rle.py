import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from label_studio_sdk.converter.brush import decode_rle as sdk_decode
from label_studio_sdk.converter.brush import mask2rle as sdk_encode
from numpy.typing import NDArray

from backend.regions.brush_rle import decode_rle, encode_mask
from backend.regions.errors import RleError

Mask = NDArray[np.uint8]
SIZES = (3, 4, 8, 16)

small_masks = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12))
# Runs long enough for every count size, among them those beyond 65,536 values that are cut.
lengths = st.sampled_from([1, 2, 3, 4, 5, 63, 64, 65, 16_383, 16_384, 16_385, 40_000])
run_lengths = st.lists(st.tuples(st.integers(0, 255), lengths), min_size=1, max_size=6)


def row_of(runs: list[tuple[int, int]]) -> Mask:
    return np.repeat(*map(np.array, zip(*runs, strict=True))).astype(np.uint8)[None]


def bits(value: int, width: int) -> str:
    return f"{value:0{width}b}"


def header(total: int, *, word: int = 8, sizes: tuple[int, ...] = SIZES) -> str:
    return bits(total, 32) + bits(word - 1, 5) + "".join(bits(size - 1, 4) for size in sizes)


def run(count: int, value: int, *, kind: int, sizes: tuple[int, ...] = SIZES) -> str:
    return "1" + bits(kind, 2) + bits(count - 1, sizes[kind]) + bits(value, 8)


def literals(*values: int, kind: int, sizes: tuple[int, ...] = SIZES) -> str:
    return (
        "0" + bits(kind, 2) + bits(len(values) - 1, sizes[kind]) + "".join(bits(value, 8) for value in values)
    )


def stream(*parts: str) -> list[int]:
    joined = "".join(parts)
    joined += "0" * (-len(joined) % 8)
    return [int(joined[start : start + 8], 2) for start in range(0, len(joined), 8)]


class TestEncoding:
    @given(small_masks)
    @example(np.zeros((1, 1), np.uint8))
    def test_is_the_sdks_byte_for_byte(self, mask: Mask) -> None:
        assert encode_mask(mask) == sdk_encode(mask)

    @given(run_lengths)
    @example([(0, 65_536 // 4), (255, 1)])
    @example([(0, 65_536), (255, 65_537)])
    def test_is_the_sdks_for_long_runs_too(self, runs: list[tuple[int, int]]) -> None:
        mask = row_of(runs)
        assert encode_mask(mask) == sdk_encode(mask)

    def test_truth_becomes_full_opacity(self) -> None:
        mask = np.array([[True, False]])
        assert encode_mask(mask) == encode_mask(np.array([[255, 0]], np.uint8))

    def test_a_view_with_gaps_is_encoded_like_its_copy(self) -> None:
        mask = np.arange(48, dtype=np.uint8).reshape(6, 8)[::2, ::-1]
        assert encode_mask(mask) == encode_mask(mask.copy())

    def test_a_mask_by_hand(self) -> None:
        # Two black pixels and one white: a run of eight zeros, one of four 255s.
        expected = stream(header(12), run(8, 0, kind=0), run(4, 255, kind=0))
        assert encode_mask(np.array([[0, 0, 255]], np.uint8)) == expected

    def test_the_result_is_plain_integers_for_json(self) -> None:
        assert {type(value) for value in encode_mask(np.eye(5, dtype=bool))} == {int}


class TestDecoding:
    @given(small_masks)
    def test_gives_back_what_was_encoded(self, mask: Mask) -> None:
        height, width = mask.shape
        assert np.array_equal(decode_rle(encode_mask(mask), width=width, height=height), mask)

    @given(run_lengths)
    def test_gives_back_long_runs(self, runs: list[tuple[int, int]]) -> None:
        mask = row_of(runs)
        assert np.array_equal(decode_rle(encode_mask(mask), width=mask.shape[1], height=1), mask)

    @given(small_masks)
    def test_agrees_with_the_sdk(self, mask: Mask) -> None:
        height, width = mask.shape
        values = sdk_encode(mask)
        expected = sdk_decode(values).reshape(height, width, 4)[:, :, 3]
        assert np.array_equal(decode_rle(values, width=width, height=height), expected)

    def test_takes_literals_and_other_count_sizes(self) -> None:
        sizes = (2, 5, 9, 12)
        values = stream(
            header(16, sizes=sizes),
            literals(1, 2, 3, 4, 5, kind=1, sizes=sizes),
            run(3, 9, kind=0, sizes=sizes),
            literals(7, kind=3, sizes=sizes),
            run(7, 200, kind=2, sizes=sizes),
        )
        # Alpha is the last of each four values.
        assert decode_rle(values, width=2, height=2).tolist() == [[4, 9], [200, 200]]

    def test_padding_at_the_end_is_harmless(self) -> None:
        values = encode_mask(np.eye(4, dtype=bool)) + [0] * 9
        assert np.count_nonzero(decode_rle(values, width=4, height=4)) == 4

    def test_the_result_can_be_written_to(self) -> None:
        decode_rle(encode_mask(np.eye(4, dtype=bool)), width=4, height=4)[:] = 0


class TestHostileStreams:
    @pytest.mark.parametrize(
        "values",
        [
            pytest.param([], id="empty"),
            pytest.param([0] * 6, id="shorter than a header"),
            pytest.param([256] * 20, id="no bytes"),
            pytest.param([-1] * 20, id="negative"),
            pytest.param([0.5] * 20, id="fractions"),
            pytest.param(["a"] * 20, id="words"),
            pytest.param([None] * 20, id="nothing"),
            pytest.param(stream(header(16, word=16), run(16, 1, kind=1)), id="another word size"),
            pytest.param(stream(header(20), run(20, 1, kind=2)), id="another image's size"),
            pytest.param(stream(header(16)), id="no tokens"),
            pytest.param(stream(header(16), run(8, 1, kind=0)), id="ends early"),
            pytest.param(stream(header(16), run(17, 1, kind=2)), id="overruns by one"),
            pytest.param(stream(header(16), run(8, 1, kind=0), run(65_536, 1, kind=3)), id="overruns by far"),
            pytest.param(stream(header(16), literals(1, 2, 3, kind=3)[:30]), id="ends inside literals"),
            pytest.param(
                stream(header(16), "0" + bits(3, 2) + bits(65_535, 16)), id="literals that are not there"
            ),
        ],
    )
    def test_are_refused(self, values: list[int]) -> None:
        with pytest.raises(RleError, match=r"\w"):
            decode_rle(values, width=2, height=2)

    def test_a_size_that_is_not_the_images_is_refused_before_anything_is_allocated(self) -> None:
        bomb = stream(header(2**32 - 4), *[run(65_536, 255, kind=3)] * 20)
        tracemalloc.start()
        try:
            with pytest.raises(RleError, match="another size"):
                decode_rle(bomb, width=640, height=480)
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()

    def test_a_stream_too_short_for_a_large_image_is_refused_before_its_pixels_are_allocated(self) -> None:
        width, height = 8000, 6000
        tracemalloc.start()
        try:
            with pytest.raises(RleError, match="ends early"):
                decode_rle(
                    stream(header(width * height * 4), run(65_536, 1, kind=3)), width=width, height=height
                )
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()

    @given(st.lists(st.integers(0, 255), max_size=80))
    def test_any_bytes_are_a_mask_or_an_error(self, body: list[int]) -> None:
        values = stream(header(4 * 4 * 4)) + body
        try:
            mask = decode_rle(values, width=4, height=4)
        except RleError as error:
            assert str(error)
        else:
            assert mask.shape == (4, 4)

    @given(small_masks, st.data())
    def test_a_cut_stream_is_an_error_unless_only_padding_went(self, mask: Mask, data: st.DataObject) -> None:
        height, width = mask.shape
        values = encode_mask(mask)
        kept = data.draw(st.integers(0, len(values) - 1))
        try:
            decoded = decode_rle(values[:kept], width=width, height=height)
        except RleError:
            return
        assert np.array_equal(decoded, mask)
        assert kept == len(values) - 1


def test_noise_is_encoded_in_the_order_of_its_pixels() -> None:
    mask = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(bool)
    decoded = decode_rle(encode_mask(mask), width=64, height=64)
    assert np.array_equal(decoded == 255, mask)
