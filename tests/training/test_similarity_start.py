import pytest
import torch
import torch.nn.functional as F

from tests.training.tiny import tiny_backbone, tiny_configuration
from training.errors import ConfigurationError
from training.models import fresh_model
from training.setting_groups import ModelSettings
from zegclip_core.backbones.backbone import Backbone

NONE_COSINE = 0.3


@pytest.fixture
def backbone() -> Backbone:
    dense = tiny_backbone()
    dense.none_cosine = NONE_COSINE
    return dense


def model_settings(**changes: object) -> ModelSettings:
    return tiny_configuration(model={"prompt_tokens": 0, "start": "similarity", **changes}).model


@pytest.mark.parametrize("descriptor", ["product_text", "text", "global_text"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_first_logits_are_scaled_cosines_less_that_of_none(
    backbone: Backbone, descriptor: str, layers: int
) -> None:
    model = fresh_model(backbone, model_settings(descriptor=descriptor, decoder_layers=layers), seed=0).eval()
    text = torch.randn(5, 32, generator=torch.Generator().manual_seed(1))
    text = F.normalize(text - text.mean(dim=1, keepdim=True), dim=1)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        patches, global_feature = model.encode_image(images)
        logits = model.decode(patches, global_feature, text)
    cosines = torch.einsum("bdhw,cd->bchw", patches, text)
    expected = backbone.logit_scale * (cosines - NONE_COSINE)
    assert (logits - expected).abs().max() < 0.02 * backbone.logit_scale


def test_everything_can_still_learn(backbone: Backbone) -> None:
    model = fresh_model(backbone, model_settings(), seed=0)
    logits = model(torch.randn(1, 3, 64, 64), F.normalize(torch.randn(3, 32), dim=1))
    logits.square().mean().backward()
    first = model.decoder.layers[0]
    for learned in (model.descriptor.projection.weight, first.attention.projection.weight):  # type: ignore[union-attr]
        assert learned.grad is not None
        assert learned.grad.abs().sum() > 0


def test_a_backbone_without_dense_features_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"tiny is not: use model.start = 'random'"):
        fresh_model(tiny_backbone(), model_settings(), seed=0)
