"""The embedded model still reaches its figures, on the first images of the split they were measured on."""

from pathlib import Path

import pytest

from benchmarks.embedded_model import score, with_plain_names
from training.dataset_description import DatasetDescription
from zegclip_core.segmenter import build_segmenter


@pytest.mark.slow
def test_masks_on_twenty_photographs_are_as_good_as_when_they_were_measured(shared_dir: Path) -> None:
    description = with_plain_names(DatasetDescription.load(shared_dir / "data" / "voc_subset"))
    segmenter = build_segmenter("zegclip-mini", device="cpu")
    words = score(segmenter, description, "val_dev", background=False, bicubic=True, limit=20)
    both = score(segmenter, description, "val_dev", background=True, bicubic=True, limit=20)
    assert words.m_iou == pytest.approx(57.5, abs=0.5)
    assert both.m_iou == pytest.approx(44.9, abs=0.5)
