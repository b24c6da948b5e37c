"""Whether a new model may serve: better than the champion on the same hold-out, and no label collapses.

The hold-out tells about labels that people correct. Labels that nobody annotated are watched where the
champion is sure of them (`training.kept_labels`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from training.registry.manifest import mean_iou

IouByLabel = Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What counts as better and as collapsed.

    Attributes:
        smallest_gain: points of mean IoU that the candidate must be above the champion.
        largest_drop: points that a single label may lose, if it keeps more than half of what it had.
        smallest_holdout: hold-out tasks below which nothing is decided in a candidate's favour.
        smallest_kept: of the patches where the champion is sure of a label that nobody annotates, the share
            that the candidate must still give to it.

    """

    smallest_gain: float = 0.0
    largest_drop: float = 15.0
    smallest_holdout: int = 1
    smallest_kept: float = 1 / 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's decision.

    Attributes:
        promoted: whether the candidate may serve.
        reason: why, with the figures.

    """

    promoted: bool
    reason: str


def judge(
    candidate: IouByLabel,
    champion: IouByLabel,
    *,
    holdout: int,
    kept: Mapping[str, float] | None = None,
    settings: GateSettings | None = None,
) -> Verdict:
    """Compare two models by label.

    Args:
        candidate: label to IoU in percent on the hold-out; None where it shows none of the label.
        champion: the same of the model in service, on the same images.
        holdout: how many tasks the hold-out has.
        kept: by label without corrections, the share (0 to 1) that the candidate keeps where the champion is
            sure of it.
        settings: see `GateSettings`.

    """
    settings = settings or GateSettings()
    new, old = mean_iou(candidate), mean_iou(champion)
    if holdout < settings.smallest_holdout or new is None or old is None:
        return Verdict(
            False,
            f"the hold-out has {holdout} corrected tasks with labels: too few to decide, "
            "correct more tasks or promote by hand",
        )
    collapsed = [
        f"{name} ({before:.1f} → {after:.1f})"
        for name, before, after in _pairs(candidate, champion)
        if before - after > settings.largest_drop and after < before / 2
    ]
    figures = f"mIoU {old:.1f} → {new:.1f} on {holdout} held-out tasks"
    if collapsed:
        return Verdict(False, f"{figures}, but these labels collapse: {', '.join(collapsed)}")
    lost = [name for name, share in (kept or {}).items() if share < settings.smallest_kept]
    if lost:
        shares = ", ".join(f"{name} (keeps {(kept or {})[name]:.0%})" for name in lost)
        return Verdict(
            False,
            f"{figures}, but these labels, which nobody annotated, disappear from other images: {shares}",
        )
    if new <= old + settings.smallest_gain:
        return Verdict(False, f"{figures}: not better than the version in service")
    return Verdict(True, f"{figures}: better, and no label collapses")


def _pairs(candidate: IouByLabel, champion: IouByLabel) -> list[tuple[str, float, float]]:
    pairs = []
    for name, before in champion.items():
        after = candidate.get(name)
        if before is not None and after is not None:
            pairs.append((name, before, after))
    return pairs
