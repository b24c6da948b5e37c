"""A trained ZegCLIP as a head of the segmenter: probabilities, refusal, bias of seen words."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.tiny_clip import random_images, tiny_backbone
from zegclip_core import ZegCLIP, ZegCLIPOptions
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.errors import ModelOptionError
from zegclip_core.heads import HeadFeatures
from zegclip_core.labels import Label, parse_words
from zegclip_core.looks import look_around
from zegclip_core.segmenter import Segmenter
from zegclip_core.text_bank import TextBank
from zegclip_core.zegclip.head import ZegCLIPHead


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(parse_notation("zegclip-mini"))


@pytest.fixture(scope="module")
def model(backbone: Backbone) -> ZegCLIP:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ZegCLIP.on_backbone(backbone, ZegCLIPOptions(prompt_tokens=2))


@pytest.fixture(scope="module")
def bank(backbone: Backbone) -> TextBank:
    return TextBank(backbone=backbone)


@pytest.fixture(scope="module")
def features(backbone: Backbone, model: ZegCLIP) -> Iterator[HeadFeatures]:
    pixels = torch.randint(0, 255, (1, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    yield ZegCLIPHead(model=model, backbone=backbone).encode(backbone.normalise(pixels.to(torch.uint8)))


def embed(bank: TextBank, words: str) -> Tensor:
    return bank.embed(parse_words(words))[0]


def test_logits_are_the_models(
    backbone: Backbone, model: ZegCLIP, bank: TextBank, features: HeadFeatures
) -> None:
    text = embed(bank, "cat, dog, sofa")
    head = ZegCLIPHead(model=model, backbone=backbone)
    with torch.no_grad():
        expected = model.decode(features.patches, features.global_feature, text)
    torch.testing.assert_close(head.logits(features, text), expected)


@pytest.mark.parametrize("probability", [0.5, 0.3])
def test_softmax_between_one_word_and_none_is_fair_at_the_none_probability(
    backbone: Backbone, model: ZegCLIP, probability: float
) -> None:
    head = ZegCLIPHead(model=model, backbone=backbone, none_probability=probability)
    assert head.none_logit == pytest.approx(np.log(probability / (1 - probability)))


def test_a_model_that_cannot_refuse_has_no_none_logit(backbone: Backbone, model: ZegCLIP) -> None:
    assert ZegCLIPHead(model=model, backbone=backbone, none_probability=None).none_logit is None


@pytest.mark.parametrize("probability", [0.0, 1.0, -1.0])
def test_impossible_probabilities_are_refused(backbone: Backbone, model: ZegCLIP, probability: float) -> None:
    with pytest.raises(ModelOptionError, match="none_probability"):
        ZegCLIPHead(model=model, backbone=backbone, none_probability=probability)


def test_seen_words_are_recognised_however_they_are_spelt(
    backbone: Backbone, model: ZegCLIP, bank: TextBank
) -> None:
    seen = embed(bank, "cat, potted plant")
    head = ZegCLIPHead(model=model, backbone=backbone, seen_text=seen)
    asked = embed(bank, "dog, Cat, potted_plant, plant, potted  plant")
    assert head.seen(asked).tolist() == [False, True, True, False, True]


def test_the_bias_lowers_the_probability_of_seen_words_only(
    backbone: Backbone, model: ZegCLIP, bank: TextBank, features: HeadFeatures
) -> None:
    text = embed(bank, "cat, dog")
    plain = ZegCLIPHead(model=model, backbone=backbone).logits(features, text)
    head = ZegCLIPHead(model=model, backbone=backbone, seen_text=embed(bank, "cat"), seen_bias=0.2)
    biased = head.logits(features, text)
    torch.testing.assert_close(biased[:, 1], plain[:, 1])
    torch.testing.assert_close(biased[:, 0].sigmoid(), plain[:, 0].sigmoid() - 0.2)


def test_the_bias_leaves_improbable_words_finite(backbone: Backbone, model: ZegCLIP, bank: TextBank) -> None:
    text = embed(bank, "cat")
    head = ZegCLIPHead(model=model, backbone=backbone, seen_text=text, seen_bias=0.9)
    dim = backbone.embed_dim
    features = HeadFeatures(patches=torch.zeros(1, dim, 2, 2), global_feature=torch.zeros(1, dim))
    assert bool(torch.isfinite(head.logits(features, text)).all())


def test_heads_share_encodings_only_while_their_prompts_are_equal(backbone: Backbone, model: ZegCLIP) -> None:
    one = ZegCLIPHead(model=model, backbone=backbone, seen_bias=0.0)
    other = ZegCLIPHead(model=model, backbone=backbone, seen_bias=0.1)
    trained = ZegCLIP.on_backbone(backbone, model.options)
    trained.load_state_dict(model.state_dict())
    assert ZegCLIPHead(model=trained, backbone=backbone).encoding_digest == one.encoding_digest
    with torch.no_grad():
        next(trained.encoder.prompts.parameters()).add_(0.1)  # type: ignore[union-attr]
    changed = ZegCLIPHead(model=trained, backbone=backbone)
    assert one.encoding_digest == other.encoding_digest != changed.encoding_digest


def test_it_paints_through_the_segmenter(backbone: Backbone, model: ZegCLIP, bank: TextBank) -> None:
    segmenter = Segmenter(
        head=ZegCLIPHead(model=model, backbone=backbone), text_bank=bank, model_version="trial@0"
    )
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    painted = segmenter.segment(image, [Label("cat", ("cat", "kitten")), Label("dog", ("dog",))])
    assert painted.label_map.shape == (50, 70)
    assert set(np.unique(painted.label_map)) <= {0, 1, 2}


def test_a_backbone_with_two_looks_gives_the_decoder_the_mean_of_both() -> None:
    once, twice = tiny_backbone(), tiny_backbone(context_side=48)
    model = ZegCLIP.on_backbone(once, ZegCLIPOptions(prompt_tokens=2)).eval()
    one, both = (ZegCLIPHead(model=model, backbone=backbone) for backbone in (once, twice))
    images = random_images(1, 3, 64, 96)
    expected = look_around(one.encode, images, twice.sizes)
    torch.testing.assert_close(both.encode(images).patches, expected.patches)
    torch.testing.assert_close(both.encode(images).global_feature, expected.global_feature)
    assert one.encoding_digest != both.encoding_digest
