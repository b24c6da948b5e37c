"""The sentence encoder against PyTorch's own transformer layer, and what it says when files are missing."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import ConfigurationError
from training.pretrain.sentence_encoder import SentenceEncoder

WIDTH, HEADS, WORDS = 64, 2, 11


def bert_names(layer: nn.TransformerEncoderLayer) -> dict[str, Tensor]:
    """One layer's tensors as BERT calls them."""
    weights, biases = (t.chunk(3) for t in (layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias))
    named = {}
    for part, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
        named |= {f"attention.self.{part}.weight": weight, f"attention.self.{part}.bias": bias}
    for name, module in {
        "attention.output.dense": layer.self_attn.out_proj,
        "attention.output.LayerNorm": layer.norm1,
        "intermediate.dense": layer.linear1,
        "output.dense": layer.linear2,
        "output.LayerNorm": layer.norm2,
    }.items():
        named |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    return {f"encoder.layer.0.{name}": tensor.detach() for name, tensor in named.items()}


def test_it_computes_what_pytorchs_transformer_computes() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 96, 0.0, "gelu", batch_first=True, layer_norm_eps=1e-12)
    words, places, kinds = torch.randn(WORDS, WIDTH), torch.randn(8, WIDTH), torch.randn(2, WIDTH)
    embeddings = {
        "embeddings.word_embeddings.weight": words,
        "embeddings.position_embeddings.weight": places,
        "embeddings.token_type_embeddings.weight": kinds,
        "embeddings.LayerNorm.weight": torch.ones(WIDTH),
        "embeddings.LayerNorm.bias": torch.zeros(WIDTH),
    }
    encoder = SentenceEncoder({**embeddings, **bert_names(layer)}, tokenizer=None)
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
    used = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])

    features = encoder.encode_tokens(tokens, used)

    hidden = F.layer_norm(words[tokens] + places[:4] + kinds[0], (WIDTH,), eps=1e-12)
    seen = layer(hidden, src_key_padding_mask=used == 0)
    expected = torch.stack([seen[0].mean(dim=0), seen[1, :2].mean(dim=0)])
    torch.testing.assert_close(features, F.normalize(expected, dim=1).detach(), atol=1e-5, rtol=1e-4)


def test_missing_library_or_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pip install tokenizers|needs model\.safetensors"):
        SentenceEncoder.load(tmp_path)
