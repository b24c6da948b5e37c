"""The embedded model still reaches its figures, on the first images of the split they were measured on."""

from pathlib import Path

import pytest

from benchmarks.embedded_model import score, with_plain_names
from benchmarks.embedded_table import columns, measure
from benchmarks.stuff_points import measure_points
from training.dataset_description import DatasetDescription
from zegclip_core.segmenter import build_segmenter


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("zegclip-mini", (57.5, 44.2)),
        ("zegclip-mini-fast", (55.6, 42.5)),
        ("zegclip-mini-decoder", (58.7, 45.0)),
    ],
)
def test_masks_on_twenty_photographs_are_as_good_as_when_they_were_measured(
    shared_dir: Path, model: str, expected: tuple[float, float]
) -> None:
    description = with_plain_names(DatasetDescription.load(shared_dir / "data" / "voc_subset"))
    segmenter = build_segmenter(model, device="cpu")
    words = score(segmenter, description, "val_dev", background=False, bicubic=True, limit=20)
    both = score(segmenter, description, "val_dev", background=True, bicubic=True, limit=20)
    assert words.m_iou == pytest.approx(expected[0], abs=0.5)
    assert both.m_iou == pytest.approx(expected[1], abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "expected"), [("zegclip-mini", 68.2), ("zegclip-mini-fast", 72.5)])
def test_stuff_is_found_at_the_points_that_were_marked_by_eye(
    shared_dir: Path, model: str, expected: float
) -> None:
    figures = measure_points(build_segmenter(model, device="cpu"), shared_dir / "data", beside_things=False)
    assert figures.mean == pytest.approx(expected, abs=1)
    assert figures.by_word["sky"] == 100


@pytest.mark.slow
def test_the_table_counts_as_the_single_benchmark_does(shared_dir: Path) -> None:
    description = DatasetDescription.load(shared_dir / "data" / "voc_subset")
    segmenter = build_segmenter("zegclip-mini-fast", device="cpu")
    ids = description.ids("val_dev")[:5]
    table = measure(segmenter, description, ids, columns("voc", description), side=320)
    named = with_plain_names(description)
    assert table["voc words"] == pytest.approx(
        score(segmenter, named, "val_dev", background=False, limit=5).m_iou, abs=0.01
    )
    assert table["voc with background"] == pytest.approx(
        score(segmenter, named, "val_dev", background=True, limit=5).m_iou, abs=0.01
    )
