"""Which background pixels of a photograph of things are taken for stuff, on drawn photographs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.dataset_description import DatasetClass
from training.label_mapping import IGNORED, NEGATIVE
from training.pretrain.stuff import STUFF, seed_stuff

HEIGHT, WIDTH = 100, 120
PALE_BLUE, GREEN, GREY, BROWN = (170, 190, 235), (70, 140, 40), (120, 120, 120), (120, 80, 40)


def photograph(above: tuple[int, int, int], below: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Two halves of one colour each."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[: HEIGHT // 2], image[HEIGHT // 2 :] = above, below
    return image


def seeds(thing: str, image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Targets of a photograph with a thing in the middle of the left edge, background elsewhere."""
    labels = np.full((HEIGHT, WIDTH), NEGATIVE, np.int16)
    labels[40:60, :20] = 0
    labels[:, -1] = IGNORED
    return seed_stuff(image, labels, (DatasetClass(1, thing, (thing,)),))


def stuff_at(targets: NDArray[np.int16], row: int) -> str:
    number = int(targets[row, 60]) - 1
    return STUFF[number].name if number >= 0 else "unknown"


@pytest.mark.parametrize(
    ("thing", "below", "expected"),
    [("cow", GREEN, "grass"), ("boat", GREY, "water"), ("car", GREY, "road"), ("cow", BROWN, "unknown")],
)
def test_what_lies_below_depends_on_the_thing_and_the_colour(
    thing: str, below: tuple[int, int, int], expected: str
) -> None:
    targets = seeds(thing, photograph(PALE_BLUE, below))
    assert stuff_at(targets, 5) == "sky"
    assert stuff_at(targets, 95) == expected


def test_rooms_have_walls_and_a_floor_and_no_sky() -> None:
    targets = seeds("sofa", photograph(PALE_BLUE, GREEN))
    assert (stuff_at(targets, 5), stuff_at(targets, 95)) == ("wall", "floor")


def test_things_and_ignored_pixels_keep_their_targets() -> None:
    targets = seeds("cow", photograph(PALE_BLUE, GREEN))
    assert (targets[40:60, :20] == 0).all()
    assert (targets[:, -1] == IGNORED).all()


def test_specks_are_left_alone() -> None:
    image = photograph(BROWN, BROWN)
    image[90:92, 50:60] = GREEN
    assert (seeds("cow", image) <= 0).all()


def test_a_photograph_of_nothing_known_stays_without_a_sky() -> None:
    labels = np.full((HEIGHT, WIDTH), NEGATIVE, np.int16)
    assert not (seed_stuff(photograph(PALE_BLUE, BROWN), labels, ()) >= 0).any()
