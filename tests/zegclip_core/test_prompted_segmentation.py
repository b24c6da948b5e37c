import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.photos import small_photos
from zegclip_core.encoding import EncodedImage
from zegclip_core.errors import LabelError
from zegclip_core.labels import Label, parse_words
from zegclip_core.prompted_segmentation import (
    best_label,
    keep_components,
    patch_features,
    segment_prompts,
)
from zegclip_core.prompting import Prompts
from zegclip_core.segmenter import Segmenter

LABELS = parse_words("cat, cup, table")
CUP, TABLE = 2, 3
ON_THE_CUP, ON_THE_TABLE = (0.45, 0.45), (0.88, 0.5)

Mask = NDArray[np.bool_]


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A cup on a table."""
    (coffee,) = small_photos(["coffee.jpg"])
    return np.asarray(Image.open(io.BytesIO(coffee.content)).convert("RGB"))


@pytest.fixture(scope="module")
def encoded(segmenter: Segmenter, photo: NDArray[np.uint8]) -> EncodedImage:
    return segmenter.encode(photo)


def prompts(*positive: tuple[float, float], limit: Mask | None = None) -> Prompts:
    places = np.array(positive, np.float64).reshape(-1, 2)
    return Prompts(positive=places, negative=np.empty((0, 2)), limit=limit)


def at(label_map: NDArray[np.uint16], place: tuple[float, float]) -> int:
    height, width = label_map.shape
    return int(label_map[int(place[1] * height), int(place[0] * width)])


def test_only_prompted_labels_are_painted_at_the_images_size(
    segmenter: Segmenter, encoded: EncodedImage, photo: NDArray[np.uint8]
) -> None:
    found = segment_prompts(segmenter, encoded, LABELS, {CUP: prompts(ON_THE_CUP)})
    assert found.label_map.shape == photo.shape[:2]
    assert set(np.unique(found.label_map)) == {0, CUP}
    assert at(found.label_map, ON_THE_CUP) == CUP
    assert 0.5 < found.region_scores[CUP] <= 1
    assert found.certainty == pytest.approx(found.region_scores[CUP])


def test_what_shows_one_label_does_not_show_the_others(segmenter: Segmenter, encoded: EncodedImage) -> None:
    found = segment_prompts(
        segmenter, encoded, LABELS, {TABLE: prompts(ON_THE_TABLE), CUP: prompts(ON_THE_CUP)}
    )
    assert at(found.label_map, ON_THE_CUP) == CUP
    assert at(found.label_map, ON_THE_TABLE) == TABLE


def test_large_images_are_painted_at_their_own_size(segmenter: Segmenter, photo: NDArray[np.uint8]) -> None:
    large = np.kron(photo, np.ones((8, 8, 1), np.uint8))
    found = segment_prompts(segmenter, segmenter.encode(large), LABELS, {CUP: prompts(ON_THE_CUP)})
    assert found.label_map.shape == large.shape[:2]
    small = segment_prompts(segmenter, segmenter.encode(photo), LABELS, {CUP: prompts(ON_THE_CUP)})
    same = (found.label_map[4::8, 4::8] > 0) == (small.label_map > 0)
    assert same.mean() > 0.95


def test_no_prompt_paints_nothing(segmenter: Segmenter, encoded: EncodedImage) -> None:
    found = segment_prompts(segmenter, encoded, LABELS, {})
    assert not found.label_map.any()
    assert (found.region_scores, found.certainty) == ({}, 0.0)


def test_labels_are_checked_as_ever(segmenter: Segmenter, encoded: EncodedImage) -> None:
    twice = [Label("cat", ("cat",)), Label("cat", ("kitten",))]
    with pytest.raises(LabelError, match="twice"):
        segment_prompts(segmenter, encoded, twice, {1: prompts(ON_THE_CUP)})


def test_the_best_label_is_the_one_that_the_words_see_there(
    segmenter: Segmenter, encoded: EncodedImage
) -> None:
    assert best_label(segmenter, encoded, LABELS, prompts(ON_THE_CUP)) == CUP
    limit = np.zeros((10, 10), np.bool_)
    limit[3:6, 3:6] = True
    assert best_label(segmenter, encoded, LABELS, prompts(limit=limit)) == CUP


def test_features_of_windows_become_one_grid_of_unit_vectors(segmenter: Segmenter) -> None:
    long = np.random.default_rng(0).integers(0, 255, (40, 400, 3)).astype(np.uint8)
    encoded = segmenter.encode(long)
    assert len(encoded.features) > 1
    stride = segmenter.head.backbone.stride
    features = patch_features(encoded, stride)
    assert features.shape[1:] == (encoded.plan.height // stride, encoded.plan.width // stride)
    assert np.allclose(np.linalg.norm(features, axis=0), 1, atol=1e-3)


class TestComponents:
    """Three objects: a large one left, one in the middle, a speck right."""

    MASK = np.zeros((40, 100), np.bool_)
    MASK[5:35, 5:30] = True
    MASK[10:30, 45:60] = True
    MASK[20, 90] = True

    def test_those_with_a_positive_place_stay(self) -> None:
        kept = keep_components(self.MASK, prompts((0.5, 0.5)), whole_class=False)
        assert kept[:, 45:60].any()
        assert not kept[:, :40].any()
        assert not kept[:, 80:].any()

    def test_a_place_beside_them_keeps_none(self) -> None:
        assert not keep_components(self.MASK, prompts((0.7, 0.5)), whole_class=False).any()

    @pytest.mark.parametrize("asked", [prompts((0.5, 0.5)), prompts(limit=MASK)], ids=["class", "limit"])
    def test_the_whole_class_or_a_limit_keeps_all_but_specks(self, asked: Prompts) -> None:
        kept = keep_components(self.MASK, asked, whole_class=bool(len(asked.positive)))
        assert kept[:, :40].any()
        assert kept[:, 45:60].any()
        assert not kept[:, 80:].any()

    def test_a_speck_that_was_clicked_stays(self) -> None:
        assert keep_components(self.MASK, prompts((0.905, 0.51)), whole_class=True)[20, 90]
