"""How much of what was learned is kept: less where corrections taught less than the CLIP knew before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.adaptation.learner import AdaptationLearner
from training.adaptation.views import AdaptationViews
from training.kept_labels import CONFIDENCE, shares
from training.label_mapping import NEGATIVE
from training.metrics import ConfusionMatrix
from zegclip_core.adaptation.model import Adaptation

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_IGNORED = -1


@dataclass(frozen=True, slots=True)
class Tried:
    """One strength, measured.

    Attributes:
        strength: the share of what was learned.
        m_iou: of labels on the hold-out, without background, as the gate has it, in percent; NaN where it
            shows none.
        kept: by label without corrections, the share (0 to 1) that keeps it where the CLIP is sure of it.

    """

    strength: float
    m_iou: float
    kept: Mapping[str, float]


def choose(tried: Sequence[Tried], *, smallest_kept: float) -> Tried:
    """Return the best on the hold-out of those that keep enough of every label; the weaker one of equals.

    Args:
        tried: measured strengths, 0 among them, which keeps everything.
        smallest_kept: share of every label without corrections that must be kept.

    """
    allowed = [one for one in tried if min(one.kept.values(), default=1.0) >= smallest_kept]
    return max(allowed, key=lambda one: (one.m_iou, -one.strength))


class StrengthTrial:
    """Measures an adaptation at several strengths, on encoded images.

    Args:
        learner: what was learned, and what it started from.
        holdout: corrected images that were not learned from, with the targets of all labels.
        holdout_ids: their names.
        names: of the labels, by query.

    """

    def __init__(
        self,
        *,
        learner: AdaptationLearner,
        holdout: AdaptationViews,
        holdout_ids: Sequence[str],
        names: Sequence[str],
    ) -> None:
        self._learner = learner
        self._holdout = holdout
        self._ids = holdout_ids
        self._names = names

    def run(self) -> list[Tried]:
        """Measure all strengths."""
        return [self._measure(strength) for strength in STRENGTHS]

    @torch.no_grad()
    def _measure(self, strength: float) -> Tried:
        adaptation = self._learner.averaged.scaled(strength)
        return Tried(strength, self._m_iou(adaptation), self._kept(adaptation))

    def _m_iou(self, adaptation: Adaptation) -> float:
        learner = self._learner
        matrix = ConfusionMatrix(learner.labels + 1)
        for image_id in self._ids:
            patches, targets = self._holdout.view(image_id, mirrored=False)
            logits = learner.logits(adaptation, patches.to(learner.text.device))
            wide = F.interpolate(logits, size=targets.shape, mode="bilinear", align_corners=False)
            truth = torch.where(targets == NEGATIVE, learner.labels, targets).clamp(min=_IGNORED)
            matrix.update(_numbers(wide.argmax(dim=1)[0]), _numbers(truth), _IGNORED)
        return matrix.scores(unseen=[learner.labels]).m_iou_seen

    def _kept(self, adaptation: Adaptation) -> dict[str, float]:
        learner = self._learner
        sure = dict.fromkeys(learner.unseen, 0)
        kept = dict.fromkeys(learner.unseen, 0)
        patches = 0
        for before, after in self._unlabelled(adaptation):
            certainty, winner = before.softmax(dim=1).max(dim=1)
            patches += winner.numel()
            for query in learner.unseen:
                mine = (winner == query) & (certainty > CONFIDENCE)
                sure[query] += int(mine.sum())
                kept[query] += int((mine & (after.argmax(dim=1) == query)).sum())
        named = {self._names[query]: count for query, count in sure.items()}
        return shares(named, {self._names[query]: count for query, count in kept.items()}, patches)

    def _unlabelled(self, adaptation: Adaptation) -> Iterator[tuple[Tensor, Tensor]]:
        learner = self._learner
        for image_id in learner.views.unlabelled:
            patches = learner.views.view(image_id, mirrored=False)[0].to(learner.text.device)
            yield learner.logits(learner.untrained, patches), learner.logits(adaptation, patches)


def _numbers(tensor: Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    return tensor.cpu().numpy().astype(np.int64)
