"""Images are encoded alone or in batches, with the same result."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from zegclip_core.encoding import EncodedImage, image_pixels, resize_image
from zegclip_core.heads import HeadFeatures
from zegclip_core.segmenter import Segmenter

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def images() -> list[Image]:
    """Three of one size, one of another, and one so long that it is seen in windows."""
    generator = np.random.default_rng(0)
    sizes = [(96, 128), (96, 128), (96, 128), (128, 96), (40, 320)]
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


@pytest.fixture
def batches(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many windows the tower got at once, call by call."""
    seen: list[int] = []
    encode = segmenter.head.encode

    def count(pixels: torch.Tensor) -> HeadFeatures:
        seen.append(len(pixels))
        return encode(pixels)

    monkeypatch.setattr(segmenter.head, "encode", count)
    return seen


def assert_same(one: EncodedImage, other: EncodedImage) -> None:
    assert (one.plan, one.size) == (other.plan, other.size)
    assert np.array_equal(one.image, other.image)
    for ours, theirs in zip(one.features, other.features, strict=True):
        torch.testing.assert_close(ours.patches, theirs.patches, atol=1e-4, rtol=0)
        torch.testing.assert_close(ours.global_feature, theirs.global_feature, atol=1e-4, rtol=0)


def encode(segmenter: Segmenter, images: list[Image], batch_size: int) -> list[EncodedImage]:
    return segmenter.encode_prepared([segmenter.prepare(one) for one in images], batch_size=batch_size)


def test_a_batch_gives_what_each_image_gives_alone(
    segmenter: Segmenter, images: list[Image], batches: list[int]
) -> None:
    together = encode(segmenter, images, batch_size=8)
    assert sorted(batches) == [1, 3, len(together[4].plan.windows)]
    assert len(together[4].features) > 1
    for image, encoded in zip(images, together, strict=True):
        assert_same(encoded, segmenter.encode(image))
        assert encoded.seconds > 0


def test_a_batch_has_a_largest_size(segmenter: Segmenter, images: list[Image], batches: list[int]) -> None:
    encode(segmenter, images[:3], batch_size=2)
    assert batches == [2, 1]


def test_where_memory_runs_out_the_batch_is_halved_and_goes_on(
    segmenter: Segmenter, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    real = segmenter.head.encode

    def small_memory(pixels: torch.Tensor) -> Any:
        tried.append(len(pixels))
        if len(pixels) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(pixels)

    monkeypatch.setattr(segmenter.head, "encode", small_memory)
    encoded = encode(segmenter, images[:3], batch_size=4)
    assert tried == [3, 1, 1, 1]
    monkeypatch.undo()
    for image, one in zip(images, encoded, strict=False):
        assert_same(one, segmenter.encode(image))


def test_memory_that_is_too_small_for_one_window_is_an_error(
    segmenter: Segmenter, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(_: torch.Tensor) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(segmenter.head, "encode", no_memory)
    with pytest.raises(torch.OutOfMemoryError):
        encode(segmenter, images[:2], batch_size=2)


def test_resizing_takes_means_where_it_shrinks() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[::2] = 200
    assert (resize_image(image, 2, 2) == 100).all()
    assert resize_image(image, 4, 4) is image


def test_a_read_only_mirrored_image_becomes_pixels_of_its_own() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image.flags.writeable = False
    pixels = image_pixels(image[:, ::-1])
    pixels[:] = pixels + 1
    assert pixels[:, 1, 0].tolist() == [22, 23, 24]
    assert image[1, 3].tolist() == [21, 22, 23]
