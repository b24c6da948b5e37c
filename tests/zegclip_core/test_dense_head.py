"""Zero-shot scores are cosines times a scale."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.tiny_clip import random_images, tiny_backbone
from zegclip_core.dense_head import PLAIN_LOGIT_SCALE, DenseZeroShotHead
from zegclip_core.errors import ShapeError, UnsupportedArchitectureError
from zegclip_core.looks import look_around
from zegclip_core.surgery.choice import encode_with_surgery


def test_a_backbone_trained_on_patches_is_used_as_it_is() -> None:
    backbone = tiny_backbone(none_cosine=0.4)
    head = DenseZeroShotHead(backbone=backbone)
    assert head.surgery == "none"
    assert head.logit_scale == pytest.approx(backbone.logit_scale)
    assert head.none_logit == pytest.approx(backbone.logit_scale * 0.4)
    patches, class_feature = backbone.encode_image(random_images(1, 3, 48, 64))
    features = head.encode(random_images(1, 3, 48, 64))
    torch.testing.assert_close(features.patches, patches)
    torch.testing.assert_close(features.global_feature, class_feature)


def test_a_plain_clip_gets_surgery_a_softer_scale_and_no_score_for_nothing() -> None:
    head = DenseZeroShotHead(backbone=tiny_backbone())
    assert head.surgery == "sc-clip"
    assert head.logit_scale == PLAIN_LOGIT_SCALE == 40
    assert head.none_logit is None


def test_surgery_and_scale_can_be_chosen() -> None:
    backbone = tiny_backbone()
    head = DenseZeroShotHead(backbone=backbone, surgery="naclip", logit_scale=7)
    images = random_images(2, 3, 48, 64)
    patches, class_feature = encode_with_surgery(backbone.tower, images, "naclip")
    features = head.encode(images)
    torch.testing.assert_close(features.patches, F.normalize(patches, dim=1))
    torch.testing.assert_close(features.global_feature, F.normalize(class_feature, dim=-1))
    assert head.logit_scale == 7


def test_a_large_image_is_seen_twice_where_the_backbone_says_so() -> None:
    once = DenseZeroShotHead(backbone=tiny_backbone(none_cosine=0.4))
    twice = DenseZeroShotHead(backbone=tiny_backbone(none_cosine=0.4, context_side=48))
    images = random_images(2, 3, 64, 96)
    expected = look_around(once.encode, images, twice.backbone.sizes)
    torch.testing.assert_close(twice.encode(images).patches, expected.patches)
    assert not torch.allclose(expected.patches, once.encode(images).patches)


def test_heads_that_look_otherwise_do_not_share_what_they_encoded() -> None:
    heads = [DenseZeroShotHead(backbone=tiny_backbone(context_side=side)) for side in (None, 32, 48)]
    assert len({head.encoding_digest for head in heads}) == 3


def test_scores_are_cosines_times_the_scale_for_each_word_alone() -> None:
    head = DenseZeroShotHead(backbone=tiny_backbone(), logit_scale=2)
    features = head.encode(random_images(1, 3, 32, 48))
    text = F.normalize(random_images(5, 24), dim=-1)
    logits = head.logits(features, text)
    assert logits.shape == (1, 5, 2, 3)
    assert float(logits[0, 3, 1, 2]) == pytest.approx(
        2 * float(features.patches[0, :, 1, 2] @ text[3]), abs=1e-5
    )
    torch.testing.assert_close(head.logits(features, text[3:4]), logits[:, 3:4])


@pytest.mark.parametrize("shape", [(24,), (3, 23), (1, 3, 24)])
def test_words_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    head = DenseZeroShotHead(backbone=tiny_backbone())
    with pytest.raises(ShapeError, match="24"):
        head.logits(head.encode(random_images(1, 3, 32, 32)), torch.zeros(shape))


def test_impossible_surgery_is_refused_when_the_head_is_made() -> None:
    backbone = tiny_backbone()
    backbone.tower.blocks[-1].attn = nn.Identity()
    with pytest.raises(UnsupportedArchitectureError, match="surgery"):
        DenseZeroShotHead(backbone=backbone)
    DenseZeroShotHead(backbone=backbone, surgery="none")
