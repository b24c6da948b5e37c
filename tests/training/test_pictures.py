import numpy as np

from training.pictures import draw_comparison, draw_losses


def blue_rows(picture: np.ndarray) -> list[int]:
    """The rows of the running mean from left to right."""
    blue = (picture == (30, 80, 200)).all(axis=2)
    columns = [column for column in range(picture.shape[1]) if blue[:, column].any()]
    return [int(np.flatnonzero(blue[:, column]).mean()) for column in columns]


def test_a_falling_loss_is_drawn_falling() -> None:
    rows = blue_rows(np.asarray(draw_losses(np.linspace(10, 1, 200).tolist())))
    assert rows[0] < rows[len(rows) // 2] < rows[-1]


def test_runs_of_any_length_can_be_drawn() -> None:
    for losses in ([], [1.0], [1.0, float("nan")], [0.0, 0.0]):
        assert draw_losses(losses).size == (900, 420)


def test_photograph_mask_and_prediction_stand_side_by_side() -> None:
    image = np.zeros((48, 60, 3), np.uint8)
    truth = np.full((48, 60), -1)
    prediction = np.full((48, 60), 2)
    picture = np.asarray(draw_comparison([("one", image, truth, prediction)] * 2, classes=2, ignored=-1))
    assert picture.shape == (2 * (48 + 18), 720, 3)
    assert (picture[18 + 20, 20] == 0).all()
    assert (picture[18 + 20, 240 + 20] == 96).all()
    assert (picture[18 + 20, 480 + 20] == 0).all()


def test_classes_have_colours_of_their_own() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    labels = np.repeat(np.arange(2), 10)[None].repeat(20, axis=0)
    picture = np.asarray(draw_comparison([("", image, labels, labels)], classes=2, ignored=-1))
    assert (picture[25, 245] != picture[25, 255]).any()
    assert (picture[25, 245] == picture[25, 485]).all()
