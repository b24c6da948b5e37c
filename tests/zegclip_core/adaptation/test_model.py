"""An adaptation adds to the dense head only what it has learned."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tiny_clip import random_images, tiny_backbone
from zegclip_core.adaptation.head import AdaptedHead
from zegclip_core.adaptation.model import Adaptation
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.dense_head import DenseZeroShotHead

DIM = 24


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone(none_cosine=0.4)


@pytest.fixture
def text() -> Tensor:
    return F.normalize(random_images(3, DIM), dim=-1)


@pytest.fixture
def adaptation(backbone: Backbone, text: Tensor) -> Adaptation:
    return Adaptation(text=text, logit_scale=backbone.logit_scale, none_cosine=0.4, hidden=8)


def test_untrained_it_is_the_dense_head(backbone: Backbone, adaptation: Adaptation, text: Tensor) -> None:
    dense, adapted = (
        DenseZeroShotHead(backbone=backbone),
        AdaptedHead(adaptation=adaptation, backbone=backbone),
    )
    features = dense.encode(random_images(2, 3, 32, 48))
    assert dense.none_logit is not None
    torch.testing.assert_close(
        adapted.logits(features, text) - adapted.none_logit,
        dense.logits(features, text) - dense.none_logit,
        atol=1e-4,
        rtol=1e-4,
    )


def test_what_one_has_encoded_the_other_can_use(backbone: Backbone, adaptation: Adaptation) -> None:
    dense, adapted = (
        DenseZeroShotHead(backbone=backbone),
        AdaptedHead(adaptation=adaptation, backbone=backbone),
    )
    assert adapted.encoding_digest == dense.encoding_digest
    images = random_images(1, 3, 32, 32)
    torch.testing.assert_close(adapted.encode(images).patches, dense.encode(images).patches)


def test_what_was_learned_for_a_word_counts_for_it_alone_and_wherever_it_stands(
    adaptation: Adaptation, text: Tensor
) -> None:
    patches = F.normalize(random_images(1, DIM, 2, 2), dim=1)
    stranger = F.normalize(random_images(1, DIM, seed=5), dim=-1)
    asked = torch.cat((stranger, text[[2, 0]]))
    before = adaptation(patches, asked)
    with torch.no_grad():
        adaptation.offsets[2] = 1.0
        adaptation.biases[2] = 3.0
    changed = adaptation(patches, asked) - before
    torch.testing.assert_close(changed[:, [0, 2]], torch.zeros_like(changed[:, [0, 2]]))
    expected = 3.0 + adaptation.logit_scale * patches.sum(dim=1)
    torch.testing.assert_close(changed[:, 1], expected, atol=1e-4, rtol=1e-4)


def test_a_learned_none_takes_from_every_word(adaptation: Adaptation, text: Tensor) -> None:
    patches = F.normalize(random_images(1, DIM, 2, 2), dim=1)
    before = adaptation(patches, text)
    with torch.no_grad():
        adaptation.none_bias.fill_(2.0)
    torch.testing.assert_close(adaptation(patches, text), before - 2.0, atol=1e-4, rtol=1e-4)


def test_the_adapter_moves_patches_for_all_words(adaptation: Adaptation) -> None:
    patches = F.normalize(random_images(1, DIM, 2, 2), dim=1)
    strangers = F.normalize(random_images(2, DIM, seed=5), dim=-1)
    before = adaptation(patches, strangers)
    with torch.no_grad():
        adaptation.contract.bias.normal_(generator=torch.Generator().manual_seed(0))
    assert bool(((adaptation(patches, strangers) - before).abs() > 1e-3).all())


def test_a_share_of_what_was_learned_lies_between_the_dense_head_and_all_of_it(
    adaptation: Adaptation, text: Tensor
) -> None:
    patches = F.normalize(random_images(1, DIM, 2, 2), dim=1)
    untrained = adaptation(patches, text)
    with torch.no_grad():
        for parameter in adaptation.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    learned = adaptation(patches, text)
    torch.testing.assert_close(adaptation.scaled(0.0)(patches, text), untrained, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(adaptation.scaled(1.0)(patches, text), learned)
    half = adaptation.scaled(0.5)(patches, text)
    assert (half - untrained).norm() < (learned - untrained).norm()
    torch.testing.assert_close(adaptation(patches, text), learned)
