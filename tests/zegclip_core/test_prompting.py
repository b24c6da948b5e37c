import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.errors import ShapeError
from zegclip_core.prompting import (
    Prompts,
    prompted_probability,
    seed_places,
    words_log_odds,
)

Map = NDArray[np.float32]
NOWHERE = np.empty((0, 2))
SIDE, CELLS = 64, 8


def places(*points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points, np.float64).reshape(-1, 2)


def prompts(
    *, yes: object = NOWHERE, no: object = NOWHERE, limit: NDArray[np.bool_] | None = None
) -> Prompts:
    return Prompts(positive=np.asarray(yes), negative=np.asarray(no), limit=limit)


def scene(*, words: float = 0.0) -> tuple[Map, Map, NDArray[np.uint8]]:
    """Two objects, left and right of the middle, that the tower tells apart and that differ in colour.

    The words give label 0 `words` more than label 1 everywhere.
    """
    features = np.zeros((2, CELLS, CELLS), np.float32)
    features[0, :, : CELLS // 2] = features[1, :, CELLS // 2 :] = 1
    logits = np.zeros((2, CELLS, CELLS), np.float32)
    logits[0] = words
    image = np.full((SIDE, SIDE, 3), 60, np.uint8)
    image[:, SIDE // 2 :] = 200
    return features, logits, image


# The neighbourhood of the middle of each object.
ROWS = slice(3 * SIDE // 8, 5 * SIDE // 8)
LEFT, RIGHT = (ROWS, slice(8, SIDE // 2 - 8)), (ROWS, slice(SIDE // 2 + 8, SIDE - 8))
IN_LEFT, IN_RIGHT = (0.25, 0.5), (0.75, 0.5)


class TestClicks:
    def test_without_any_the_words_alone_count(self) -> None:
        assert np.allclose(prompted_probability(*scene_first(words=0.0), prompts()), 0.5, atol=0.02)
        assert prompted_probability(*scene_first(words=2.0), prompts()).min() > 0.7

    def test_a_positive_one_takes_what_looks_alike_and_leaves_the_rest(self) -> None:
        found = prompted_probability(*scene_first(words=-1.0), prompts(yes=places(IN_LEFT)))
        assert found[SIDE // 2, SIDE // 4] > 0.8
        assert found[LEFT].min() > 0.5
        assert found[RIGHT].max() < 0.5

    def test_a_negative_one_takes_away_what_looks_alike(self) -> None:
        found = prompted_probability(*scene_first(words=1.0), prompts(no=places(IN_RIGHT)))
        assert found[LEFT].min() > 0.5
        assert found[RIGHT].max() < 0.5

    def test_one_where_the_words_are_sure_already_changes_nothing(self) -> None:
        sure = prompted_probability(*scene_first(words=8.0), prompts())
        clicked = prompted_probability(*scene_first(words=8.0), prompts(yes=places(IN_LEFT)))
        assert np.allclose(sure, clicked, atol=1e-5)

    def test_many_at_one_place_say_no_more_than_one(self) -> None:
        once = prompted_probability(*scene_first(), prompts(yes=places(IN_LEFT)))
        often = prompted_probability(*scene_first(), prompts(yes=places(*[IN_LEFT] * 50)))
        assert np.abs(once - often).max() < 0.05

    def test_contradictions_stay_finite(self) -> None:
        found = prompted_probability(*scene_first(), prompts(yes=places(IN_LEFT), no=places(IN_LEFT)))
        assert np.isfinite(found).all()

    def test_places_beyond_the_image_count_as_its_edge(self) -> None:
        inside = prompted_probability(*scene_first(), prompts(yes=places((0.0, 1.0))))
        outside = prompted_probability(*scene_first(), prompts(yes=places((-3.0, 7.0))))
        assert np.allclose(inside, outside)


def scene_first(*, words: float = 0.0) -> tuple[Map, Map, int, NDArray[np.uint8]]:
    """The arguments for the first label."""
    features, logits, image = scene(words=words)
    return features, logits, 0, image


class TestLimits:
    def test_nothing_is_painted_outside(self) -> None:
        limit = np.zeros((32, 32), np.bool_)
        limit[8:24, 4:14] = True
        found = prompted_probability(*scene_first(words=3.0), prompts(limit=limit))
        outside = np.kron(~limit, np.ones((2, 2), np.bool_))
        assert found[outside].max() == 0
        assert found[~outside].min() > 0.5

    def test_one_alone_says_that_the_label_is_inside(self) -> None:
        limit = np.zeros((SIDE, SIDE), np.bool_)
        limit[LEFT] = True
        doubted = prompted_probability(*scene_first(words=-1.0), prompts())
        found = prompted_probability(*scene_first(words=-1.0), prompts(limit=limit))
        assert doubted.max() < 0.5
        assert found[SIDE // 2, SIDE // 4] > 0.5

    def test_an_empty_one_paints_nothing(self) -> None:
        limit = np.zeros((SIDE, SIDE), np.bool_)
        assert prompted_probability(*scene_first(words=3.0), prompts(limit=limit)).max() == 0


class TestSeeds:
    def test_lie_inside_apart_and_where_the_words_see_the_label(self) -> None:
        log_odds = np.full((40, 40), -2.0, np.float32)
        log_odds[10:14, 24:28] = 6.0
        limit = np.zeros((40, 40), np.bool_)
        limit[5:30, 5:30] = True
        found = seed_places(log_odds, limit, count=5)
        assert len(found) == 5
        columns, rows = (found * 40).astype(int).T
        assert limit[rows, columns].all()
        assert log_odds[rows[0], columns[0]] == 6.0
        gaps = np.abs(found[:, None] - found[None]).max(axis=-1)[~np.eye(5, dtype=bool)]
        assert gaps.min() > 0.07

    def test_a_small_limit_has_fewer_and_an_empty_one_none(self) -> None:
        log_odds, limit = np.zeros((40, 40), np.float32), np.zeros((40, 40), np.bool_)
        assert seed_places(log_odds, limit, count=5).shape == (0, 2)
        limit[3, 4] = True
        assert np.allclose(seed_places(log_odds, limit, count=5), [(4.5 / 40, 3.5 / 40)])


class TestWords:
    def test_log_odds_are_those_of_softmax(self) -> None:
        logits = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
        probability = (np.exp(logits) / np.exp(logits).sum(axis=0))[2]
        expected = np.log(probability / (1 - probability))
        assert np.allclose(words_log_odds(logits, 2, (5, 6)), expected, atol=1e-5)

    def test_the_only_label_is_sure(self) -> None:
        assert words_log_odds(np.zeros((1, 2, 2), np.float32), 0, (4, 4)).min() > 5


@pytest.mark.parametrize("shape", [(4,), (2, 3), (0,), (1, 2, 2)])
def test_places_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="expected"):
        Prompts(positive=np.zeros(shape), negative=NOWHERE)


def test_places_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ShapeError, match="finite"):
        Prompts(positive=places((0.5, float("nan"))), negative=NOWHERE)
