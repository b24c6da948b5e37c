"""From an image and words to a label map, on the tiny CLIP and on the embedded model."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.photos import small_photos
from tests.tiny_clip import tiny_backbone
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.errors import LabelError, ShapeError
from zegclip_core.heads import HeadFeatures
from zegclip_core.labelling import LabellingOptions
from zegclip_core.labels import Label, parse_words
from zegclip_core.segmenter import Segmenter, SegmenterOptions, build_segmenter
from zegclip_core.text_bank import TextBank


class ChequeredHead:
    """Sees word i in the i-th column of patches, and "none" (if it knows it) where no word is."""

    def __init__(self, backbone: Backbone, *, none_logit: float | None) -> None:
        self.backbone = backbone
        self.none_logit = none_logit

    def encode(self, images: torch.Tensor) -> HeadFeatures:
        height, width = (side // 16 for side in images.shape[-2:])
        return HeadFeatures(images.new_zeros(1, 24, height, width), images.new_zeros(1, 24))

    def logits(self, features: HeadFeatures, text: torch.Tensor) -> torch.Tensor:
        height, width = features.patches.shape[-2:]
        logits = torch.full((1, len(text), height, width), -20.0)
        for column in range(min(len(text), width)):
            logits[0, column, :, column] = 20
        return logits


def chequered(*, none_logit: float | None = 0.0, **options: object) -> Segmenter:
    backbone = tiny_backbone()
    plain = LabellingOptions(refine=False, min_area=0, **options)  # type: ignore[arg-type]
    return Segmenter(
        head=ChequeredHead(backbone, none_logit=none_logit),
        text_bank=TextBank(backbone=backbone),
        model_version="chequered@1",
        options=SegmenterOptions(labelling=plain),
    )


GREY = np.full((64, 64, 3), 127, np.uint8)


def cat_photo() -> NDArray[np.uint8]:
    """The cat Chelsea, 256 pixels wide."""
    [cat] = small_photos(["chelsea.jpg"])
    with Image.open(io.BytesIO(cat.content)) as picture:
        return np.asarray(picture.convert("RGB"))


def columns(label_map: NDArray[np.uint16]) -> list[int]:
    """The label in the middle of each of four columns."""
    return [int(label_map[32, 8 + 16 * column]) for column in range(4)]


@pytest.fixture(scope="module")
def mini() -> Segmenter:
    return build_segmenter("zegclip-mini", device="cpu")


def test_labels_are_numbered_from_one_and_nothing_is_zero() -> None:
    segmentation = chequered().segment(GREY, parse_words("a, b"))
    assert columns(segmentation.label_map) == [1, 2, 0, 0]
    assert segmentation.label_map.dtype == np.uint16
    assert segmentation.mask(2)[32, 24]


def test_the_best_synonym_counts() -> None:
    labels = [Label("x", ("a", "b")), Label("y", ("c",))]
    assert columns(chequered().segment(GREY, labels).label_map) == [1, 1, 2, 0]


def test_background_labels_compete_without_being_painted() -> None:
    labels = [Label("a", ("a",)), Label("wall", ("b",), is_background=True), Label("c", ("c",))]
    segmentation = chequered().segment(GREY, labels)
    assert columns(segmentation.label_map) == [1, 0, 3, 0]
    assert set(segmentation.region_scores) == {1, 3}


def test_background_words_stand_for_nothing_where_the_model_knows_none() -> None:
    segmentation = chequered(none_logit=None).segment(GREY, parse_words("a, sky"))
    # Columns 2 and 3 belong to the first two background words; "sky" is a label here and is not one of them.
    assert columns(segmentation.label_map) == [1, 2, 0, 0]


def test_without_background_words_every_pixel_is_painted() -> None:
    segmenter = chequered(none_logit=None)
    segmenter.options = SegmenterOptions(background_words=(), labelling=segmenter.options.labelling)
    assert columns(segmenter.segment(GREY, parse_words("a, b, c, d")).label_map) == [1, 2, 3, 4]


def test_improbable_pixels_stay_unpainted() -> None:
    segmenter = chequered(threshold=0.99)
    label_map = segmenter.segment(GREY, parse_words("a, b, c, d")).label_map
    assert columns(label_map) == [1, 2, 3, 4]
    # Between two columns neither label is probable enough.
    assert label_map[32, 16] == 0


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7), (65, 64), (1500, 1100)])
def test_the_label_map_has_the_images_size(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    segmentation = chequered().segment(image, parse_words("a, b"))
    assert segmentation.label_map.shape == size
    assert max(segmentation.confidence.shape) <= 1024
    assert 0 <= segmentation.certainty <= 1


def test_scores_are_the_mean_confidence_inside_each_label() -> None:
    segmentation = chequered().segment(GREY, parse_words("a, b"))
    for number, score in segmentation.region_scores.items():
        assert score == pytest.approx(
            float(segmentation.confidence[segmentation.mask(number)].mean()), abs=1e-5
        )


def test_new_labels_are_asked_of_an_encoded_image_without_encoding_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    segmenter = chequered()
    encoded = segmenter.encode(GREY)
    monkeypatch.setattr(segmenter.head, "encode", None)
    assert columns(segmenter.classify(encoded, parse_words("a, b, c")).label_map) == [1, 2, 3, 0]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_rgb_image_are_refused(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ShapeError, match=r"\(H, W, 3\) uint8"):
        chequered().encode(image)


def test_label_sets_that_cannot_be_painted_are_refused() -> None:
    with pytest.raises(LabelError, match="'a' is given twice"):
        chequered().segment(GREY, [Label("a", ("a",)), Label("a", ("b",))])
    with pytest.raises(LabelError, match="no label"):
        chequered().segment(GREY, [])


def test_five_hundred_labels_are_painted() -> None:
    backbone = tiny_backbone()
    segmenter = Segmenter(
        head=DenseZeroShotHead(backbone=backbone),
        text_bank=TextBank(backbone=backbone),
        model_version="tiny@1",
    )
    labels = [Label(f"{number}", (f"thing {number}",)) for number in range(500)]
    segmentation = segmenter.segment(cat_photo(), labels)
    assert np.isfinite(segmentation.confidence).all()
    assert 0 <= segmentation.certainty <= 1


def test_the_embedded_model_finds_the_cat(mini: Segmenter) -> None:
    segmentation = mini.segment(cat_photo(), parse_words("cat, dog, car"))
    assert set(np.unique(segmentation.label_map)) <= {0, 1}
    assert segmentation.mask(1)[90, 130]
    assert segmentation.mask(1).mean() > 0.3
    assert segmentation.region_scores[1] > 0.5
    assert set(segmentation.timings) == {"encode", "head", "refine"}


def test_the_same_image_gives_the_same_masks_again_and_from_threads(mini: Segmenter) -> None:
    labels = parse_words("cat, dog")
    first = mini.segment(cat_photo(), labels).label_map
    results: list[NDArray[np.uint16]] = []
    threads = [
        threading.Thread(target=lambda: results.append(mini.segment(cat_photo(), labels).label_map))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert all(np.array_equal(first, other) for other in results)


def test_a_model_is_built_by_its_notation_with_its_features_kept(tmp_path: Path) -> None:
    segmenter = build_segmenter("zegclip-mini", cache_dir=tmp_path, device="cpu")
    assert segmenter.model_version == "zegclip-mini@4"
    assert isinstance(segmenter.head, DenseZeroShotHead)
    segmenter.segment(GREY, parse_words("cat"))
    assert list((tmp_path / "text").iterdir())
