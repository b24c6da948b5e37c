"""Words withheld from training: all words compete, and a bias against seen ones turns the balance."""

from pathlib import Path

import pytest

from benchmarks.withheld_words import measure
from tests.training.pretrain.test_tower import write_data
from zegclip_core.segmenter import build_segmenter


@pytest.mark.slow
def test_a_bias_against_seen_words_gives_their_pixels_to_withheld_ones(tmp_path: Path) -> None:
    animals = write_data(tmp_path / "animals", ("cat", "dog", "horse"))
    segmenter = build_segmenter("zegclip-mini-fast", device="cpu")
    ids = animals.ids("train")
    plain, biased = (
        measure(segmenter, animals, ids, ["dog"], side=64, seen_bias=bias)[0] for bias in (0.0, 1000.0)
    )
    # One photograph of three shows a dog; all pixels are taken for one now.
    assert biased.m_iou_unseen == pytest.approx(100 / 3)
    assert biased.m_iou_seen == 0
    assert plain.m_iou_seen > 0
