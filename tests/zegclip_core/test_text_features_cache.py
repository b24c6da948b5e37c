"""Text features on disk: found by everything they depend on, never trusted blindly."""

import logging
from pathlib import Path

import numpy as np
import pytest

from zegclip_core.text_features_cache import TextFeaturesCache

WORDS = ["cat", "猫"]
FEATURES = np.arange(8, dtype=np.float32).reshape(2, 4)


def cache(folder: Path, *, digest: str = "a", templates: tuple[str, ...] = ("{}",)) -> TextFeaturesCache:
    return TextFeaturesCache(folder, backbone_digest=digest, templates=templates)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    assert cache(tmp_path).read(WORDS, 4) is None
    cache(tmp_path / "new" / "folder").write(WORDS, FEATURES)
    read = cache(tmp_path / "new" / "folder").read(WORDS, 4)
    assert read is not None
    np.testing.assert_array_equal(read, FEATURES)


@pytest.mark.parametrize(
    "other",
    [
        lambda folder: cache(folder, digest="b").read(WORDS, 4),
        lambda folder: cache(folder, templates=("a {}",)).read(WORDS, 4),
        lambda folder: cache(folder).read(WORDS[::-1], 4),
        lambda folder: cache(folder).read(["cat 猫"], 4),
    ],
)
def test_other_weights_sentences_words_or_orders_are_not_found(tmp_path: Path, other: object) -> None:
    cache(tmp_path).write(WORDS, FEATURES)
    assert other(tmp_path) is None  # type: ignore[operator]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text"])
def test_damage_counts_as_missing_and_is_told(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = cache(tmp_path)
    one.write(WORDS, FEATURES)
    content = one.path(WORDS).read_bytes()
    damaged = {
        "flip": content[:-1] + bytes([content[-1] ^ 1]),
        "cut": content[:-7],
        "empty": b"",
        "text": b"not at all",
    }
    one.path(WORDS).write_bytes(damaged[damage])
    with caplog.at_level(logging.WARNING):
        assert one.read(WORDS, 4) is None
    assert "computed again" in caplog.text


@pytest.mark.parametrize("dimensions", [3, 5])
def test_features_of_another_width_count_as_damaged(tmp_path: Path, dimensions: int) -> None:
    cache(tmp_path).write(WORDS, FEATURES)
    assert cache(tmp_path).read(WORDS, dimensions) is None


def test_a_folder_that_cannot_be_written_costs_no_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with caplog.at_level(logging.WARNING):
        cache(blocked / "folder").write(WORDS, FEATURES)
    assert "cannot be kept" in caplog.text
