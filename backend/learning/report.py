"""What learning has brought to a project, from its samples and versions (no server is asked)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from backend.learning.project_folder import ProjectFolder
from backend.learning.sample import Sample
from backend.learning.sample_store import SampleStore
from training.registry.manifest import mean_iou
from training.registry.registry import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRate:
    """How much of the predictions annotators left as it was.

    Attributes:
        group: a model version, or a day.
        tasks: corrected images with a prediction behind them.
        kept, changed, deleted: our regions, by what became of them.
        added: regions that were not predicted.
        pixels_changed: share of pixels whose label was changed, 0 to 1.

    """

    group: str
    tasks: int
    kept: int
    changed: int
    deleted: int
    added: int
    pixels_changed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSaved:
    """What annotators' times tell, in seconds.

    Attributes:
        with_prediction, without_prediction: median time for an image; None without such images.
        tasks_with, tasks_without: how many images that is.
        saved: estimate for all images with a prediction; None while there is nothing to compare with.

    """

    with_prediction: float | None
    without_prediction: float | None
    tasks_with: int
    tasks_without: int
    saved: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A version on the curve of hold-out mIoU by number of corrections, in percent."""

    version: int
    corrections: int
    holdout: int
    m_iou: float | None
    champion_m_iou: float | None
    promoted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningReport:
    """Everything about a project's learning that can be told in numbers.

    Attributes:
        project: its number.
        serves: the version in service; None for the base model.
        corrections, new_corrections: all, and those since the last training.
        by_version, by_day: correction rates.
        iou_by_label: label to IoU of prediction against correction in percent, by version.
        curve: one point for each version that is still there.
        time: annotators' time.
        last_result: what the last training came to.
        problems: what could not be read.

    """

    project: int
    serves: str | None
    corrections: int
    new_corrections: int
    by_version: tuple[CorrectionRate, ...]
    by_day: tuple[CorrectionRate, ...]
    iou_by_label: Mapping[str, Mapping[str, float]]
    curve: tuple[CurvePoint, ...]
    time: TimeSaved
    last_result: str
    problems: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return asdict(self)


def project_report(folder: ProjectFolder) -> LearningReport:
    """Read a project's samples and versions and sum them up."""
    samples = SampleStore(files=folder.samples).samples()
    registry, state = folder.registry, folder.state
    champion = registry.aliases.champion
    return LearningReport(
        project=folder.number,
        serves=None if champion is None else folder.version_name(champion),
        corrections=len(samples),
        new_corrections=state.new_corrections,
        by_version=correction_rates(samples, lambda one: one.model_version or ""),
        by_day=correction_rates(samples, lambda one: one.updated_at[:10]),
        iou_by_label=iou_by_label(samples),
        curve=curve(registry.versions()),
        time=time_saved(samples),
        last_result=state.last_result,
        problems=state.problems,
    )


def correction_rates(samples: Iterable[Sample], group_of: Any) -> tuple[CorrectionRate, ...]:
    """Sum up what became of predictions, by group, in the order of the groups' names."""
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.regions is not None and sample.pixels is not None:
            groups[group_of(sample)].append(sample)
    return tuple(_rate(name, members) for name, members in sorted(groups.items()))


def _rate(group: str, samples: Sequence[Sample]) -> CorrectionRate:
    regions = [one.regions for one in samples if one.regions is not None]
    pixels = [one.pixels for one in samples if one.pixels is not None]
    return CorrectionRate(
        group=group,
        tasks=len(samples),
        kept=sum(one.kept for one in regions),
        changed=sum(one.changed for one in regions),
        deleted=sum(one.deleted for one in regions),
        added=sum(one.added for one in regions),
        pixels_changed=sum(one.changed for one in pixels) / max(1, sum(one.total for one in pixels)),
    )


def iou_by_label(samples: Iterable[Sample]) -> dict[str, dict[str, float]]:
    """IoU of prediction against correction in percent over all pixels: version to label to figure."""
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for sample in samples:
        if sample.pixels is None:
            continue
        for label, (intersection, union) in sample.pixels.overlaps.items():
            sums = counts[sample.model_version or ""][label]
            sums[0] += intersection
            sums[1] += union
    return {
        version: {label: 100.0 * both / either for label, (both, either) in sorted(labels.items())}
        for version, labels in sorted(counts.items())
    }


def curve(versions: Iterable[Version]) -> tuple[CurvePoint, ...]:
    """Return how hold-out mIoU goes with the number of corrections."""
    return tuple(
        CurvePoint(
            version=version.number,
            corrections=version.facts.corrections,
            holdout=version.facts.holdout,
            m_iou=version.facts.mean_iou,
            champion_m_iou=mean_iou(version.facts.champion_iou),
            promoted=version.facts.promoted,
        )
        for version in versions
    )


def time_saved(samples: Iterable[Sample]) -> TimeSaved:
    """Compare the median time of images with a prediction with that of images without one."""
    timed = [one for one in samples if one.lead_time is not None]
    with_one = [one.lead_time for one in timed if one.lead_time and one.model_version is not None]
    without = [one.lead_time for one in timed if one.lead_time and one.model_version is None]
    saved = (median(without) - median(with_one)) * len(with_one) if with_one and without else None
    return TimeSaved(
        with_prediction=median(with_one) if with_one else None,
        without_prediction=median(without) if without else None,
        tasks_with=len(with_one),
        tasks_without=len(without),
        saved=saved,
    )
