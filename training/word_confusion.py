"""Which labels a model mixes up on photographs with masks: whose pixels it paints as what.

All labels of the list compete, and so does "none of these", as in predictions. Masks are counted as
evaluation counts them: at the photograph's size, without refinement.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.errors import EvaluationError
from training.evaluate import IGNORED_TARGET, place_table
from training.metrics import ConfusionMatrix
from training.samples import require_files
from training.scorer import ClassScorer
from zegclip_core.labels import Label, plain_word
from zegclip_core.segmenter import Segmenter


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintedLabel:
    """What became of one label's pixels; all shares are percent of them.

    Attributes:
        name: the label.
        images: photographs that show it.
        right: painted as itself.
        nothing: painted as none of the labels.
        taken_for: painted as another label, largest share first; labels that got none are left out.

    """

    name: str
    images: int
    right: float
    nothing: float
    taken_for: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordConfusion:
    """Measured confusion of a label set.

    Attributes:
        model_version: the model.
        dataset, split: the photographs.
        images: how many of them show a label of the list.
        labels: the labels that were found in the masks, in the given order.
        unmeasured: names of labels that competed but have no pixels in the masks.

    """

    model_version: str
    dataset: str
    split: str
    images: int
    labels: tuple[PaintedLabel, ...]
    unmeasured: tuple[str, ...]

    def pairs(self) -> list[tuple[PaintedLabel, str, float]]:
        """Return label, what it was taken for, and the percent of its pixels; most confused first."""
        found = [(one, other, share) for one in self.labels for other, share in one.taken_for.items()]
        return sorted(found, key=lambda pair: -pair[2])


def measure_confusion(
    segmenter: Segmenter,
    description: DatasetDescription,
    split: str,
    labels: Sequence[Label],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> WordConfusion:
    """Paint the photographs of a split with labels and compare with the masks.

    Args:
        segmenter: the model.
        description: the data set.
        split: one of its splits.
        labels: what competes. Their names and words say which classes of the data set are meant.
        progress: told the number of photographs done and the number of all.

    Raises `EvaluationError` when the data set has none of the labels, `DatasetError` and its kinds.

    """
    owners = classes_of_labels(labels, description)
    if not owners:
        known = ", ".join(one.name for one in description.foreground)
        raise EvaluationError(f"{description.name} has none of these labels: it has {known}")
    require_files(description, split)
    ids = description.ids(split)
    table = place_table(owners)
    scorer = ClassScorer(segmenter=segmenter, classes=labels, with_none=True)
    matrix = ConfusionMatrix(len(labels))
    shown = np.zeros(len(labels), dtype=np.int64)
    looked_at = 0
    for done, image_id in enumerate(ids, start=1):
        mask = read_mask(description, image_id)
        target = table[mask]
        present = np.unique(target[target != IGNORED_TARGET])
        if present.size:
            image = read_image(description, image_id)
            matrix.update(scorer.predict(image, size=(mask.shape[0], mask.shape[1])), target, IGNORED_TARGET)
            shown[present] += 1
            looked_at += 1
        if progress:
            progress(done, len(ids))
    painted = [_painted(matrix, place, labels, int(shown[place])) for place in np.flatnonzero(shown)]
    return WordConfusion(
        model_version=segmenter.model_version,
        dataset=description.name,
        split=split,
        images=looked_at,
        labels=tuple(painted),
        unmeasured=tuple(label.name for label, images in zip(labels, shown, strict=True) if not images),
    )


def classes_of_labels(labels: Sequence[Label], description: DatasetDescription) -> dict[int, int]:
    """Return mask value → place of the label that means this class.

    A class belongs to the label with its name; else to the first label that has its name, or one of its
    words, among its own words. Case, underscores and blanks do not count.
    """
    words: dict[str, int] = {plain_word(label.name): place for place, label in enumerate(labels)}
    for place, label in enumerate(labels):
        for word in label.prompts:
            words.setdefault(plain_word(word), place)
    owners: dict[int, int] = {}
    for one in description.foreground:
        for word in map(plain_word, (one.name, *one.prompts)):
            if word in words:
                owners.setdefault(one.index, words[word])
    return owners


def _painted(matrix: ConfusionMatrix, place: int, labels: Sequence[Label], images: int) -> PaintedLabel:
    row = matrix.counts[place]
    shares = 100.0 * row / row.sum()
    others = [other for other in np.argsort(-shares, kind="stable") if shares[other] > 0]
    return PaintedLabel(
        name=labels[place].name,
        images=images,
        right=round(float(shares[place]), 2),
        nothing=round(float(shares[matrix.nothing]), 2),
        taken_for={
            labels[other].name: round(float(shares[other]), 2)
            for other in others
            if other not in (place, matrix.nothing)
        },
    )
