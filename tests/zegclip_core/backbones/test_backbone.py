"""A backbone feeds a CLIP the way it was trained: pixel scale, unit length, sentences."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.tiny_clip import ARCHITECTURE, random_images, tiny_backbone
from zegclip_core.errors import ShapeError


def test_pixels_are_brought_to_the_scale_of_training() -> None:
    pixels = torch.tensor([0, 128, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    expected = (np.array([0, 128, 255]) / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.25, 0.5]
    np.testing.assert_allclose(tiny_backbone().normalise(pixels)[0, :, 3, 5], expected, rtol=1e-5)


def test_pixels_of_another_type_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"torch\.float32.*uint8"):
        tiny_backbone().normalise(torch.zeros(1, 3, 16, 16))


@torch.no_grad()
def test_image_features_are_open_clips_and_of_unit_length() -> None:
    backbone, images = tiny_backbone(), random_images(2, 3, 64, 64)
    patches, class_feature = backbone.encode_image(images)
    torch.testing.assert_close(class_feature, F.normalize(backbone.clip.encode_image(images), dim=-1))
    assert patches.shape == (2, 24, 4, 4)
    torch.testing.assert_close(patches.norm(dim=1), torch.ones(2, 4, 4))


@torch.no_grad()
def test_patches_lie_where_their_pixels_lie() -> None:
    """Without attention between them, only the patch whose pixels change may change."""
    backbone = tiny_backbone(vision_cfg=ARCHITECTURE["vision_cfg"] | {"layers": 0})
    images = random_images(1, 3, 48, 64)
    changed = images.clone()
    changed[:, :, 16:32, 48:64] += 1
    before, after = (backbone.encode_image(one)[0] for one in (images, changed))
    differs = (before - after).abs().amax(dim=1)[0] > 1e-6
    assert torch.equal(differs.nonzero(), torch.tensor([[1, 3]]))


def test_sentences_become_unit_vectors_however_many() -> None:
    backbone = tiny_backbone()
    features = backbone.encode_text([f"number {number}" for number in range(300)])
    assert features.shape == (300, 24)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(300))
    torch.testing.assert_close(features[299:], backbone.encode_text(["number 299"]))
    assert backbone.encode_text([]).shape == (0, 24)


def test_sentences_that_reach_the_end_of_the_context_are_told() -> None:
    backbone = tiny_backbone()
    assert not backbone.fills_context("a photo of a cat")
    assert backbone.fills_context("cat " * 80)


def test_what_predictions_and_heads_ask_for() -> None:
    backbone = tiny_backbone(none_cosine=0.4)
    assert backbone.model_version == "tiny@1"
    assert (backbone.embed_dim, backbone.stride, backbone.size_multiple) == (24, 16, 16)
    assert backbone.preferred_long_side == 64
    assert backbone.is_dense
    assert not tiny_backbone().is_dense
    assert backbone.logit_scale == pytest.approx(float(backbone.clip.logit_scale.exp()))
    assert backbone.device == torch.device("cpu")


def test_every_weight_is_listed_once_and_frozen() -> None:
    names = [name for name, _ in tiny_backbone().named_parameters()]
    assert all(name.startswith("clip.") for name in names)
    assert not any(parameter.requires_grad for parameter in tiny_backbone().parameters())
    assert not tiny_backbone().clip.training
