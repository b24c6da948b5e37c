"""all-MiniLM-L6-v2 in plain PyTorch: BERT (Devlin et al., NAACL 2019), mean over tokens, unit length."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from training.errors import ConfigurationError

_HEAD_WIDTH = 32
_EPSILON = 1e-12


class SentenceEncoder:
    """Sentences to unit vectors, as sentence-transformers computes them.

    Args:
        weights: BERT's tensors by Hugging Face's names (`embeddings.*`, `encoder.layer.N.*`).
        tokenizer: of the `tokenizers` library, with padding.

    """

    def __init__(self, weights: dict[str, Tensor], tokenizer: Any) -> None:
        self._weights = weights
        self._tokenizer = tokenizer
        numbers = {int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")}
        self._layers = [f"encoder.layer.{number}" for number in sorted(numbers)]

    @classmethod
    def load(cls, folder: Path) -> "SentenceEncoder":
        """Load model.safetensors and tokenizer.json; `ConfigurationError` when something is missing."""
        try:
            library: Any = importlib.import_module("tokenizers")
        except ImportError as error:
            raise ConfigurationError("--teacher needs a library: pip install tokenizers") from error
        if not all((folder / name).is_file() for name in ("model.safetensors", "tokenizer.json")):
            raise ConfigurationError(
                f"no sentence encoder at {folder}: it needs model.safetensors and tokenizer.json"
            )
        tokenizer = library.Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.enable_padding()
        return cls(load_file(folder / "model.safetensors"), tokenizer)

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Encode N sentences into (N, D), unit length."""
        encoded = self._tokenizer.encode_batch(list(sentences))
        tokens = torch.tensor([one.ids for one in encoded])
        used = torch.tensor([one.attention_mask for one in encoded])
        return self.encode_tokens(tokens, used)

    @torch.no_grad()
    def encode_tokens(self, tokens: Tensor, used: Tensor) -> Tensor:
        """Encode token ids (N, L) into (N, D); `used` (N, L) is 0 for padding."""
        tables = (f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type"))
        words, places, kinds = (self._weights[name] for name in tables)
        hidden = self._norm(words[tokens] + places[: tokens.shape[1]] + kinds[0], "embeddings.LayerNorm")
        for layer in self._layers:
            seen = self._attention(hidden, used, f"{layer}.attention.self")
            seen = self._linear(seen, f"{layer}.attention.output.dense")
            hidden = self._norm(hidden + seen, f"{layer}.attention.output.LayerNorm")
            wide = F.gelu(self._linear(hidden, f"{layer}.intermediate.dense"))
            narrow = self._linear(wide, f"{layer}.output.dense")
            hidden = self._norm(hidden + narrow, f"{layer}.output.LayerNorm")
        weight = used.unsqueeze(-1).float()
        return F.normalize((hidden * weight).sum(dim=1) / weight.sum(dim=1), dim=-1)

    def _attention(self, hidden: Tensor, used: Tensor, name: str) -> Tensor:
        shape = (*hidden.shape[:2], -1, _HEAD_WIDTH)
        query, key, value = (
            self._linear(hidden, f"{name}.{part}").view(shape).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mask = used[:, None, None, :].bool()
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return seen.transpose(1, 2).reshape(hidden.shape)

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        return F.linear(hidden, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, hidden: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return F.layer_norm(hidden, hidden.shape[-1:], weight, bias, _EPSILON)
