import numpy as np
import pytest

from training.augmentation import augment, distort_colours, draw_crop, pad, scaled_size
from training.label_mapping import IGNORED
from training.setting_groups import AugmentationSettings

FILL = (1, 2, 3)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    return rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def settings(**changes: object) -> AugmentationSettings:
    values: dict[str, object] = {"short_side": 40, "long_side": 160, "crop": 32, "photometric": False}
    return AugmentationSettings(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("scale", "expected"), [(1.0, (40, 60)), (2.0, (80, 120)), (0.5, (20, 30))])
def test_the_shorter_side_follows_the_scale(scale: float, expected: tuple[int, int]) -> None:
    assert scaled_size(80, 120, settings(), scale) == expected


def test_the_longer_side_stays_within_its_limit() -> None:
    """A panorama of 100x1000: short side 40 would need 400, the limit is 160."""
    assert scaled_size(100, 1000, settings(), 1.0) == (16, 160)


def test_equal_generators_give_equal_views() -> None:
    targets = np.zeros((40, 60), np.int16)
    first = augment(picture(), targets, settings=settings(photometric=True), fill=FILL, generator=rng(3))
    second = augment(picture(), targets, settings=settings(photometric=True), fill=FILL, generator=rng(3))
    assert np.array_equal(first[0], second[0])


def test_views_have_the_crop_s_size_and_padding_is_ignored() -> None:
    image, targets = augment(
        picture(),
        np.zeros((40, 60), np.int16),
        settings=settings(scales=(0.5, 0.5), flip=0.0),
        fill=FILL,
        generator=rng(),
    )
    assert image.shape == (32, 32, 3)
    assert targets.shape == (32, 32)
    assert (targets[20:] == IGNORED).all()
    assert (targets[:20, :30] == 0).all()
    assert (image[25] == FILL).all()


def test_image_and_targets_are_mirrored_together() -> None:
    targets = np.tile(np.arange(60, dtype=np.int16), (40, 1))
    image = np.repeat(targets[:, :, None].astype(np.uint8), 3, axis=2)
    view, labels = augment(
        image,
        targets,
        settings=settings(scales=(1.0, 1.0), crop=40, flip=1.0, largest_class_share=1.0),
        fill=FILL,
        generator=rng(),
    )
    assert np.array_equal(view[..., 0], labels)
    assert (np.diff(labels[0]) == -1).all()


def test_a_crop_is_drawn_again_while_one_class_fills_it() -> None:
    """Class 1 lies in one corner; without the rule most crops would miss it."""
    targets = np.zeros((64, 64), np.int16)
    targets[:24, :24] = 1
    for seed in range(20):
        top, left = draw_crop(targets, 32, 0.75, rng(seed))
        share = (targets[top : top + 32, left : left + 32] == 0).mean()
        if share <= 0.75:
            break
    else:
        pytest.fail("no crop kept the rule")
    loose = [draw_crop(targets, 32, 1.0, rng(seed)) for seed in range(50)]
    strict = [draw_crop(targets, 32, 0.75, rng(seed)) for seed in range(50)]

    def kept(crops: list[tuple[int, int]]) -> int:
        return sum((targets[t : t + 32, c : c + 32] == 0).mean() <= 0.75 for t, c in crops)

    assert kept(strict) > kept(loose)


def test_ignored_pixels_do_not_count_as_a_class_of_the_crop() -> None:
    targets = np.full((32, 32), IGNORED, np.int16)
    targets[0, :2] = (0, 1)
    assert draw_crop(targets, 32, 0.75, rng()) == (0, 0)


def test_crops_of_token_grids_start_at_multiples_of_the_stride() -> None:
    targets = np.zeros((128, 128), np.int16)
    corners = [draw_crop(targets, 64, 1.0, rng(seed), step=16) for seed in range(30)]
    assert {top % 16 for top, _ in corners} == {0}
    assert max(top for top, _ in corners) == 64


def test_padding_goes_to_the_bottom_and_the_right() -> None:
    image, targets = pad(picture(2, 3), np.zeros((2, 3), np.int16), 4, FILL)
    assert np.array_equal(image[:2, :3], picture(2, 3))
    assert (targets == IGNORED).sum() == 16 - 6


def test_colours_change_and_grey_pictures_stay_in_range() -> None:
    image = picture()
    changed = [distort_colours(image, rng(seed)) for seed in range(10)]
    assert all(view.dtype == np.uint8 and view.shape == image.shape for view in changed)
    assert any(not np.array_equal(view, image) for view in changed)
    mean_change = np.mean([np.abs(view.astype(int) - image).mean() for view in changed])
    assert 1 < mean_change < 80
