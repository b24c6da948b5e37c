"""100 times focal plus dice, pixel by pixel as the paper and its code have it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from zegclip_core import LossOptions, segmentation_loss
from zegclip_core.errors import ShapeError
from zegclip_core.zegclip.loss import count_masks

IGNORED = 255


def by_hand(
    logits: np.ndarray, labels: np.ndarray, *, ignored_are_negative: bool = True, ignored: int = IGNORED
) -> tuple[float, float]:
    """Focal and dice term with loops, as in equations of RetinaNet and V-Net."""
    batch, classes = logits.shape[:2]
    focal = dice = 0.0
    masks = 0
    for image in range(batch):
        pixels = [
            place
            for place in np.ndindex(labels[image].shape)
            if ignored_are_negative or labels[image][place] != ignored
        ]
        for number in range(classes):
            errors, overlap, predicted, positive = 0.0, 0.0, 0.0, 0.0
            for place in pixels:
                p = 1 / (1 + math.exp(-float(logits[image, number][place])))
                target = bool(labels[image][place] == number)
                right = p if target else 1 - p
                errors += (0.25 if target else 0.75) * (1 - right) ** 2 * -math.log(right)
                overlap += p * target
                predicted += p
                positive += target
            focal += errors / max(len(pixels), 1)
            if positive:
                masks += 1
                dice += 1 - (2 * overlap + 1) / (predicted + positive + 1)
    return focal / max(masks, 1), dice / max(masks, 1)


@pytest.fixture
def logits() -> Tensor:
    return 2 * torch.randn(2, 3, 3, 5, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> Tensor:
    drawn = torch.randint(0, 3, (2, 3, 5), generator=torch.Generator().manual_seed(1))
    drawn[0, 0] = IGNORED
    drawn[1][drawn[1] == 2] = 0
    return drawn


@pytest.mark.parametrize("ignored_are_negative", [True, False])
def test_it_is_what_the_equations_say(logits: Tensor, labels: Tensor, ignored_are_negative: bool) -> None:
    focal, dice = by_hand(logits.numpy(), labels.numpy(), ignored_are_negative=ignored_are_negative)
    options = LossOptions(ignored_are_negative=ignored_are_negative)
    loss = segmentation_loss(logits, labels, options=options)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(100 * focal + dice, rel=1e-5)


def test_the_two_terms_have_weights_of_their_own(logits: Tensor, labels: Tensor) -> None:
    focal, dice = by_hand(logits.numpy(), labels.numpy())
    only_focal = segmentation_loss(logits, labels, options=LossOptions(focal_weight=20, dice_weight=0))
    only_dice = segmentation_loss(logits, labels, options=LossOptions(focal_weight=0, dice_weight=3))
    assert float(only_focal) == pytest.approx(20 * focal, rel=1e-5)
    assert float(only_dice) == pytest.approx(3 * dice, rel=1e-5)


def test_ignored_pixels_are_negatives_of_every_class_as_released(logits: Tensor, labels: Tensor) -> None:
    raised = logits.clone()
    raised[0, :, 0] += 1
    assert segmentation_loss(raised, labels) > segmentation_loss(logits, labels)
    left_out = LossOptions(ignored_are_negative=False)
    torch.testing.assert_close(
        segmentation_loss(raised, labels, options=left_out),
        segmentation_loss(logits, labels, options=left_out),
    )


@pytest.mark.parametrize("ignored_are_negative", [True, False])
def test_an_image_without_labels_gives_a_finite_loss(logits: Tensor, ignored_are_negative: bool) -> None:
    logits = logits.clone().requires_grad_()
    labels = torch.full((2, 3, 5), IGNORED)
    focal, dice = by_hand(logits.detach().numpy(), labels.numpy(), ignored_are_negative=ignored_are_negative)
    loss = segmentation_loss(logits, labels, options=LossOptions(ignored_are_negative=ignored_are_negative))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(100 * focal + dice, rel=1e-5)
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


def test_another_ignore_index(logits: Tensor, labels: Tensor) -> None:
    other = labels.where(labels != IGNORED, -1)
    torch.testing.assert_close(segmentation_loss(logits, other, -1), segmentation_loss(logits, labels))


def test_parts_of_a_batch_add_up_to_the_whole(logits: Tensor, labels: Tensor) -> None:
    masks = count_masks(labels)
    parts = [
        segmentation_loss(logits[i : i + 1], labels[i : i + 1], num_masks=masks) for i in range(len(labels))
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), segmentation_loss(logits, labels))


def test_masks_are_pairs_of_image_and_class(labels: Tensor) -> None:
    assert count_masks(labels) == 3 + 2
    assert count_masks(torch.full((2, 4, 4), IGNORED)) == 1


def test_half_precision_logits_are_computed_in_full(logits: Tensor, labels: Tensor) -> None:
    half = logits.bfloat16()
    loss = segmentation_loss(half, labels)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, segmentation_loss(half.float(), labels))


def test_certain_logits_stay_finite() -> None:
    logits = torch.tensor([[[[1e4]], [[-1e4]]]], requires_grad=True)
    segmentation_loss(logits, torch.tensor([[[1]]])).backward()
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 3, 5), (2, 3, 5, 1)])
def test_labels_of_another_shape_are_refused(logits: Tensor, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="expected"):
        segmentation_loss(logits, torch.zeros(shape, dtype=torch.long))


def test_labels_that_are_no_classes_are_named(logits: Tensor, labels: Tensor) -> None:
    labels[1, 2, 4] = 7
    with pytest.raises(ShapeError, match="label 7 is none of 3 classes: expected 0 to 2 or 255"):
        segmentation_loss(logits, labels)


def test_labels_that_are_no_integers_are_refused(logits: Tensor, labels: Tensor) -> None:
    with pytest.raises(ShapeError, match=r"torch\.float32"):
        segmentation_loss(logits, labels.float())
