from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.encoding import EncodedImage
from zegclip_core.feature_cache import FeatureCache, feature_key
from zegclip_core.file_cache import FileCache
from zegclip_core.labelling import LabellingOptions
from zegclip_core.labels import parse_words
from zegclip_core.segmenter import Segmenter, SegmenterOptions

LABELS = parse_words("cat, dog, grass")
Pixels = NDArray[np.uint8]
MakeCache = Callable[..., FeatureCache]


def picture(seed: int = 0, height: int = 48, width: int = 64) -> Pixels:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def make_cache(tmp_path: Path) -> MakeCache:
    """A cache over the test's folder, as another process would open it."""

    def make(*, memory_bytes: int = 10_000_000, disk_bytes: int = 10_000_000) -> FeatureCache:
        files = FileCache(folder=tmp_path / "features", max_bytes=disk_bytes)
        return FeatureCache(memory_bytes=memory_bytes, files=files)

    return make


def never() -> Pixels:
    raise AssertionError("the image is decoded again")


def same(one: EncodedImage, other: EncodedImage) -> bool:
    return (
        one.plan == other.plan
        and one.size == other.size
        and np.array_equal(one.image, other.image)
        and all(
            bool((a.patches == b.patches).all()) and bool((a.global_feature == b.global_feature).all())
            for a, b in zip(one.features, other.features, strict=True)
        )
    )


def counts(cache: FeatureCache) -> tuple[int, int, int]:
    return cache.counts.memory, cache.counts.disk, cache.counts.encoded


def test_an_image_is_decoded_and_encoded_once(segmenter: Segmenter, make_cache: MakeCache) -> None:
    cache = make_cache()
    first = cache.encode(segmenter, b"file", picture)
    again = cache.encode(segmenter, b"file", never)
    assert same(first, again)
    assert counts(cache) == (1, 0, 1)
    assert (first.seconds > 0, again.seconds) == (True, 0.0)


def test_another_process_finds_it_on_disk_and_then_keeps_it(
    segmenter: Segmenter, make_cache: MakeCache
) -> None:
    first = make_cache().encode(segmenter, b"file", picture)
    other = make_cache()
    assert same(other.encode(segmenter, b"file", never), first)
    other.encode(segmenter, b"file", never)
    assert counts(other) == (1, 1, 0)


class Slow(Executor):
    """Writes when told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(self, write: Callable[[], object]) -> Future[object]:  # type: ignore[override]
        self.waiting.append(write)
        return Future()


def test_files_are_written_beside_the_caller_and_hold_the_same(
    segmenter: Segmenter, make_cache: MakeCache
) -> None:
    cache = make_cache()
    cache.writer = ThreadPoolExecutor(1)
    first = cache.encode(segmenter, b"file", picture)
    cache.writer.shutdown()
    assert same(make_cache().encode(segmenter, b"file", never), first)


def test_a_slow_disk_does_not_fill_the_memory(segmenter: Segmenter, make_cache: MakeCache) -> None:
    cache = make_cache()
    cache.writer = slow = Slow()
    for number in range(10):
        cache.encode(segmenter, b"file %d" % number, picture)
    assert len(slow.waiting) == 8
    assert make_cache().find(segmenter, b"file 7") is None
    assert make_cache().find(segmenter, b"file 9") is not None
    for write in slow.waiting:
        write()
    assert make_cache().find(segmenter, b"file 7") is not None
    cache.encode(segmenter, b"one more file", picture)
    assert len(slow.waiting) == 9


def test_masks_are_the_same_found_or_not_and_those_of_full_precision(
    segmenter: Segmenter, make_cache: MakeCache
) -> None:
    fresh = segmenter.classify(make_cache().encode(segmenter, b"file", picture), LABELS)
    found = segmenter.classify(make_cache().encode(segmenter, b"file", never), LABELS)
    exact = segmenter.segment(picture(), LABELS)
    assert np.array_equal(fresh.label_map, found.label_map)
    assert np.mean(fresh.label_map == exact.label_map) > 0.99


def test_images_in_several_windows_are_kept_whole(segmenter: Segmenter, make_cache: MakeCache) -> None:
    long = picture(height=32, width=200)
    first = make_cache().encode(segmenter, b"file", lambda: long)
    assert len(first.features) > 1
    assert same(make_cache().encode(segmenter, b"file", never), first)


class TestKey:
    def test_tells_contents_apart(self, segmenter: Segmenter) -> None:
        assert feature_key(segmenter, b"one") != feature_key(segmenter, b"other")

    def test_tells_encoders_and_sizes_apart_but_not_thresholds(self, segmenter: Segmenter) -> None:
        def key(**options: object) -> str:
            made = SegmenterOptions(**options)  # type: ignore[arg-type]
            other = Segmenter(
                head=segmenter.head, text_bank=segmenter.text_bank, model_version="x", options=made
            )
            return feature_key(other, b"file")

        keys = {key(), key(long_side=512), key(labelling=LabellingOptions(working_side=99))}
        assert len(keys) == 3
        assert key(labelling=LabellingOptions(threshold=0.9)) == key() == feature_key(segmenter, b"file")

    def test_is_shared_by_heads_that_encode_alike(self, segmenter: Segmenter) -> None:
        def key(head: DenseZeroShotHead) -> str:
            other = Segmenter(head=head, text_bank=segmenter.text_bank, model_version="x")
            return feature_key(other, b"file")

        backbone = segmenter.head.backbone
        plain = DenseZeroShotHead(backbone=backbone)
        assert key(plain) == key(DenseZeroShotHead(backbone=backbone, logit_scale=1.0))
        assert key(plain) != key(DenseZeroShotHead(backbone=backbone, surgery="maskclip"))


class TestCaps:
    def test_memory_keeps_the_images_used_last(self, segmenter: Segmenter) -> None:
        one = FeatureCache(memory_bytes=10**9)
        one.encode(segmenter, b"0", picture)
        cache = FeatureCache(memory_bytes=int(2.5 * one.kept_bytes))
        for content in (b"0", b"1", b"0", b"2"):
            cache.encode(segmenter, content, picture)
        assert cache.kept_bytes <= cache.memory_bytes
        cache.encode(segmenter, b"0", never)
        cache.encode(segmenter, b"2", never)
        with pytest.raises(AssertionError, match="decoded again"):
            cache.encode(segmenter, b"1", never)

    def test_the_guide_of_an_images_edges_is_kept_and_counted_once_it_is_made(
        self, segmenter: Segmenter
    ) -> None:
        cache = FeatureCache(memory_bytes=10**9)
        encoded = cache.encode(segmenter, b"file", picture)
        before = cache.kept_bytes
        segmenter.classify(encoded, LABELS)
        guide = encoded.edges.guide(segmenter.options.labelling.guided_filter)
        assert cache.kept_bytes == before + guide.bytes
        again = cache.encode(segmenter, b"file", never)
        segmenter.classify(again, parse_words("house"))
        assert again.edges.guide(segmenter.options.labelling.guided_filter) is guide
        assert cache.kept_bytes == before + guide.bytes

    def test_guides_make_older_images_go(self, segmenter: Segmenter) -> None:
        one = FeatureCache(memory_bytes=10**9)
        one.encode(segmenter, b"0", picture)
        cache = FeatureCache(memory_bytes=2 * one.kept_bytes)
        cache.encode(segmenter, b"0", picture)
        second = cache.encode(segmenter, b"1", picture)
        segmenter.classify(second, LABELS)
        assert cache.kept_bytes <= cache.memory_bytes
        with pytest.raises(AssertionError, match="decoded again"):
            cache.encode(segmenter, b"0", never)

    def test_an_image_without_refinement_has_no_guide(self, segmenter: Segmenter) -> None:
        plain = Segmenter(
            head=segmenter.head,
            text_bank=segmenter.text_bank,
            model_version="x",
            options=SegmenterOptions(labelling=LabellingOptions(refine=False)),
        )
        cache = FeatureCache(memory_bytes=10**9)
        encoded = cache.encode(plain, b"file", picture)
        before = cache.kept_bytes
        plain.classify(encoded, LABELS)
        assert (cache.kept_bytes, encoded.edges.bytes) == (before, encoded.image.nbytes)

    def test_without_any_room_everything_still_works(self, segmenter: Segmenter) -> None:
        cache = FeatureCache(memory_bytes=0)
        for _ in range(2):
            cache.encode(segmenter, b"file", picture)
        assert counts(cache) == (0, 0, 2)

    def test_disk_is_capped(self, segmenter: Segmenter, make_cache: MakeCache, tmp_path: Path) -> None:
        cache = make_cache(memory_bytes=0, disk_bytes=1_500_000)
        for number in range(6):
            cache.encode(segmenter, b"%d" % number, lambda number=number: picture(number, 96, 128))
        files = list((tmp_path / "features").iterdir())
        assert 0 < sum(file.stat().st_size for file in files) <= 1_500_000
        cache.encode(segmenter, b"5", never)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_file_is_encoded_again_and_mended(
    segmenter: Segmenter, make_cache: MakeCache, tmp_path: Path, damage: str
) -> None:
    first = make_cache().encode(segmenter, b"file", picture)
    (file,) = (tmp_path / "features").iterdir()
    data = bytearray(file.read_bytes())
    if damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "flipped":
        data[-100] ^= 1
    file.write_bytes({"empty": b"", "foreign": b"not features"}.get(damage, bytes(data)))

    cache = make_cache()
    assert same(cache.encode(segmenter, b"file", picture), first)
    assert counts(cache) == (0, 0, 1)
    assert same(make_cache().encode(segmenter, b"file", never), first)


def test_an_image_that_cannot_be_decoded_leaves_nothing_behind(
    segmenter: Segmenter, make_cache: MakeCache
) -> None:
    def broken() -> Pixels:
        raise ValueError("no image")

    cache = make_cache()
    with pytest.raises(ValueError, match="no image"):
        cache.encode(segmenter, b"file", broken)
    cache.encode(segmenter, b"file", picture)
    assert counts(cache) == (0, 0, 1)
