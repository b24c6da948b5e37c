"""The report as one HTML page that needs nothing else: figures, the curve, pictures before and after."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backend.learning.project_folder import ProjectFolder
from backend.learning.report import CurvePoint, LearningReport, project_report
from backend.learning.sample import Sample
from backend.learning.sample_store import SampleStore
from backend.overlays import overlay_image

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_PICTURES = 6
_PICTURE_WIDTH = 360
_CURVE_WIDTH, _CURVE_HEIGHT, _MARGIN = 640, 240, 40


@dataclass(frozen=True, slots=True)
class PicturePair:
    """A prediction and its correction as `data:` addresses."""

    task: int
    version: str
    changed: float
    before: str
    after: str


def report_html(folder: ProjectFolder) -> str:
    """Return the page of a project."""
    report = project_report(folder)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html").render(
        report=report,
        labels=sorted({label for version in report.iou_by_label.values() for label in version}),
        pairs=picture_pairs(SampleStore(files=folder.samples)),
        points=curve_points(report.curve),
        width=_CURVE_WIDTH,
        height=_CURVE_HEIGHT,
        margin=_MARGIN,
        hours=_hours(report),
    )


def picture_pairs(store: SampleStore) -> list[PicturePair]:
    """Return the corrections that changed most, as pictures before and after."""
    compared = [one for one in store.samples() if one.predicted_mask is not None and one.pixels is not None]
    most = sorted(compared, key=_changed, reverse=True)[:_MOST_PICTURES]
    return [
        PicturePair(
            task=sample.task,
            version=sample.model_version or "",
            changed=100.0 * _changed(sample),
            before=_overlay(store, sample, sample.predicted_mask or ""),
            after=_overlay(store, sample, sample.mask),
        )
        for sample in most
    ]


def curve_points(curve: Sequence[CurvePoint]) -> list[tuple[float, float, CurvePoint]]:
    """Place the versions that were measured on the drawing, in pixels."""
    measured = [point for point in curve if point.m_iou is not None]
    most = max((point.corrections for point in measured), default=1)
    inner = _CURVE_WIDTH - 2 * _MARGIN, _CURVE_HEIGHT - 2 * _MARGIN
    return [
        (
            _MARGIN + inner[0] * point.corrections / max(1, most),
            _CURVE_HEIGHT - _MARGIN - inner[1] * (point.m_iou or 0.0) / 100.0,
            point,
        )
        for point in measured
    ]


def _changed(sample: Sample) -> float:
    return sample.pixels.changed / max(1, sample.pixels.total) if sample.pixels is not None else 0.0


def _overlay(store: SampleStore, sample: Sample, mask: str) -> str:
    picture = overlay_image(store.read_image(sample.image), store.read_mask(mask), sample.labels)
    if picture.width > _PICTURE_WIDTH:
        picture = picture.resize((_PICTURE_WIDTH, round(picture.height * _PICTURE_WIDTH / picture.width)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _hours(report: LearningReport) -> str | None:
    return None if report.time.saved is None else f"{report.time.saved / 3600:.1f}"
