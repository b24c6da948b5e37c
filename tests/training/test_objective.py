import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.label_mapping import IGNORED, NEGATIVE, UNLABELLED
from training.objective import LossSum, summed_loss
from training.self_training import UNSURE
from training.setting_groups import LossSettings

PAPER = LossSettings()


def logits_and_targets(seed: int = 0, images: int = 3) -> tuple[Tensor, Tensor]:
    generator = np.random.default_rng(seed)
    logits = torch.from_numpy(generator.normal(size=(images, 2, 3, 4))).float()
    targets = torch.from_numpy(generator.integers(-1, 2, (images, 3, 4)))
    return logits, targets


def by_hand(logits: np.ndarray, targets: np.ndarray, counted: np.ndarray) -> tuple[float, float]:
    """Focal (alpha 0.25, gamma 2) and dice sums of the paper, pixel by pixel."""
    focal = dice = 0.0
    images, classes, height, width = logits.shape
    for image in range(images):
        for one in range(classes):
            overlap = predicted = true = 0.0
            for row in range(height):
                for column in range(width):
                    if not counted[image, row, column]:
                        continue
                    p = 1 / (1 + math.exp(-logits[image, one, row, column]))
                    positive = targets[image, row, column] == one
                    q = p if positive else 1 - p
                    alpha = 0.25 if positive else 0.75
                    focal -= alpha * (1 - q) ** 2 * math.log(q) / (height * width)
                    overlap, predicted, true = overlap + p * positive, predicted + p, true + positive
            if true:
                dice += 1 - (2 * overlap + 1) / (predicted + true + 1)
    return focal, dice


def pairs(targets: Tensor) -> int:
    return sum(len({int(value) for value in image.unique() if value >= 0}) for image in targets)


def mean(part: LossSum) -> float:
    return float(part.total) / max(part.count, 1)


def test_the_paper_s_loss_worked_out_pixel_by_pixel() -> None:
    logits, targets = logits_and_targets()
    focal, dice = by_hand(logits.numpy(), targets.numpy(), np.ones(targets.shape, bool))
    part = summed_loss(logits, targets, settings=PAPER)
    assert float(part.total) == pytest.approx(100 * focal + dice, rel=1e-5)
    assert part.count == pairs(targets)


def test_ignored_pixels_may_count_nowhere() -> None:
    logits, targets = logits_and_targets()
    focal, dice = by_hand(logits.numpy(), targets.numpy(), (targets != IGNORED).numpy())
    settings = LossSettings(ignored_are_negative=False)
    assert float(summed_loss(logits, targets, settings=settings).total) == pytest.approx(
        100 * focal + dice, rel=1e-5
    )


def test_unsure_pixels_never_count() -> None:
    logits, targets = logits_and_targets()
    targets[targets == IGNORED] = UNSURE
    part = summed_loss(logits, targets, settings=PAPER)
    changed = torch.where((targets == UNSURE).unsqueeze(1), logits + 5, logits)
    assert float(summed_loss(changed, targets, settings=PAPER).total) == pytest.approx(float(part.total))


@pytest.mark.parametrize("code", [NEGATIVE, UNLABELLED])
def test_pixels_of_no_known_class_are_negatives_of_all(code: int) -> None:
    logits, targets = logits_and_targets()
    expected = summed_loss(logits, targets, settings=PAPER).total
    coded = torch.where(targets == IGNORED, code, targets)
    assert float(summed_loss(logits, coded, settings=PAPER).total) == pytest.approx(float(expected))


@pytest.mark.parametrize("kind", ["non_exclusive", "exclusive"])
def test_parts_of_a_batch_add_up(kind: str) -> None:
    logits, targets = logits_and_targets(images=4)
    settings = LossSettings(kind=kind)  # type: ignore[arg-type]
    whole = summed_loss(logits, targets, settings=settings)
    parts = [summed_loss(logits[p], targets[p], settings=settings) for p in (slice(0, 1), slice(1, 4))]
    assert float(parts[0].total + parts[1].total) == pytest.approx(float(whole.total), rel=1e-5)
    assert parts[0].count + parts[1].count == whole.count


def test_a_batch_without_any_label_has_a_loss_and_counts_as_one() -> None:
    part = summed_loss(torch.zeros(1, 2, 3, 4), torch.full((1, 3, 4), IGNORED), settings=PAPER)
    assert part.count == 0
    assert mean(part) == pytest.approx(100 * 2 * 0.75 * 0.25 * math.log(2), rel=1e-5)


def test_exclusive_classes_share_one_probability() -> None:
    logits = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 2)
    targets = torch.tensor([[[0, IGNORED]]])
    part = summed_loss(logits, targets, settings=LossSettings(kind="exclusive"))
    assert part.count == 1
    assert float(part.total) == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)


def test_exclusive_background_has_a_logit_of_zero() -> None:
    logits = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1)
    targets = torch.full((1, 1, 1), NEGATIVE)
    part = summed_loss(logits, targets, settings=LossSettings(kind="exclusive"), none_class=True)
    assert float(part.total) == pytest.approx(math.log(math.exp(2) + math.e + 1), rel=1e-5)


def test_logits_are_brought_to_the_targets_size() -> None:
    logits = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    part = summed_loss(logits, torch.zeros(1, 8, 8, dtype=torch.long), settings=PAPER)
    wide = torch.nn.functional.interpolate(logits, size=(8, 8), mode="bilinear")
    same = summed_loss(wide, torch.zeros(1, 8, 8, dtype=torch.long), settings=PAPER)
    assert float(part.total) == pytest.approx(float(same.total))
