from pathlib import Path

import pytest

from backend.recent_predictions import KEPT, RecentPrediction, RecentPredictions


@pytest.fixture
def kept(tmp_path: Path) -> RecentPredictions:
    return RecentPredictions(folder=tmp_path / "recent")


def prediction(number: int) -> RecentPrediction:
    return RecentPrediction(
        f"{1_800_000_000_000 + number}-0a1b2c3d", "3", str(number), "m@1", 0.5, ("cat",), float(number)
    )


def test_nothing_is_kept_at_first(kept: RecentPredictions) -> None:
    assert kept.all() == []
    assert kept.picture(prediction(1).name) is None


def test_what_is_kept_comes_back_the_newest_first(kept: RecentPredictions) -> None:
    for number in (1, 3, 2):
        kept.add(prediction(number), b"picture %d" % number)
    assert kept.all() == [prediction(3), prediction(2), prediction(1)]
    assert kept.picture(prediction(2).name) == b"picture 2"


def test_the_oldest_ones_are_forgotten_with_their_pictures(kept: RecentPredictions) -> None:
    for number in range(KEPT + 5):
        kept.add(prediction(number), b"picture")
    assert [one.task for one in kept.all()] == [str(number) for number in reversed(range(5, KEPT + 5))]
    assert len(list(kept.folder.iterdir())) == 2 * KEPT


@pytest.mark.parametrize("name", ["../secret", "secret", "1-0a1b2c3d/../../secret", ""])
def test_no_name_leads_to_another_file(name: str, kept: RecentPredictions) -> None:
    kept.add(prediction(1), b"picture")
    (kept.folder / "secret.jpg").write_bytes(b"secret")
    (kept.folder.parent / "secret.jpg").write_bytes(b"secret")
    assert kept.picture(name) is None
