"""Cross-attention whose scores are the masks."""

import numpy as np
import pytest
import torch

from tests.zegclip_core import numpy_zegclip
from zegclip_core.errors import ModelOptionError, ShapeError
from zegclip_core.zegclip.matching_decoder import CrossAttention, MatchingDecoder


def linear(module: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    return x @ module.weight.detach().double().numpy().T + module.bias.detach().double().numpy()


def test_scores_are_the_heads_mean_before_softmax() -> None:
    attention = CrossAttention(dim=8, heads=4, dropout=0.0)
    queries, patches = torch.randn(1, 3, 8), torch.randn(1, 5, 8)
    q = linear(attention.query, queries[0].double().numpy())
    k = linear(attention.key, patches[0].double().numpy())
    v = linear(attention.value, patches[0].double().numpy())
    gathered, scores = numpy_zegclip.attend(q, k, v, heads=4)
    with torch.no_grad():
        np.testing.assert_allclose(attention.scores(queries, patches)[0], scores.mean(axis=0), atol=1e-5)
        expected = linear(attention.projection, gathered)
        np.testing.assert_allclose(attention(queries, patches)[0], expected, atol=1e-5)


def test_layers_start_out_equal() -> None:
    first, *others = MatchingDecoder(dim=8, layers=3).layers
    for layer in others:
        for one, other in zip(first.parameters(), layer.parameters(), strict=True):
            assert one is not other
            assert torch.equal(one, other)


@torch.no_grad()
def test_logits_are_the_last_layers_scores_or_the_mean_of_all() -> None:
    queries, patches = torch.randn(2, 3, 8), torch.randn(2, 8, 2, 5)
    flat = patches.flatten(2).transpose(1, 2)
    decoder = MatchingDecoder(dim=8, layers=2, masks="mean_of_layers").eval()
    first = decoder.layers[0].attention.scores(queries, flat)
    last = decoder.layers[1].attention.scores(decoder.layers[0](queries, flat), flat)
    torch.testing.assert_close(decoder(queries, patches), ((first + last) / 2).reshape(2, 3, 2, 5))
    decoder.masks = "last_layer"
    torch.testing.assert_close(decoder(queries, patches), last.reshape(2, 3, 2, 5))


@torch.no_grad()
def test_a_query_does_not_see_the_others() -> None:
    decoder = MatchingDecoder(dim=16).eval()
    queries, patches = torch.randn(1, 6, 16), torch.randn(1, 16, 4, 3)
    together = decoder(queries, patches)
    for number in range(6):
        alone = decoder(queries[:, number : number + 1], patches)
        torch.testing.assert_close(alone[:, 0], together[:, number])


def test_what_the_last_scores_do_not_use_gets_no_gradient() -> None:
    decoder = MatchingDecoder(dim=16, layers=2)
    decoder(torch.randn(1, 2, 16), torch.randn(1, 16, 2, 2)).sum().backward()
    without = {name for name, one in decoder.named_parameters() if one.grad is None}
    unused = (
        "attention.value",
        "attention.projection",
        "attention_norm",
        "expand",
        "contract",
        "feed_forward_norm",
    )
    assert without == {f"layers.1.{part}.{kind}" for part in unused for kind in ("weight", "bias")}


def test_heads_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ModelOptionError, match="decoder_heads = 8"):
        MatchingDecoder(dim=12, heads=8)


@pytest.mark.parametrize("patches", [(2, 8, 3, 3), (1, 4, 3, 3), (1, 8, 9)])
def test_features_that_do_not_fit_are_refused(patches: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="do not fit"):
        MatchingDecoder(dim=8)(torch.zeros(1, 2, 8), torch.zeros(patches))
