"""An addition to the cosine of patch and word that starts at zero: what it learns is all that it changes."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Words with the same text after cleaning have equal features up to rounding; different ones differ far more.
_SAME_WORD = 0.9999


class Adaptation(nn.Module):
    """A residual adapter of patches, an offset and a bias for each known word, and a learned "none of these".

    Untrained it scores like the dense head it is added to. The adapter (Gao et al., CLIP-Adapter, IJCV 2024)
    moves patches for all words; offsets move the text features of the words that were there in training
    (rows learned from images, as in Zhang et al., Tip-Adapter, ECCV 2022). Other words keep theirs.

    Args:
        text: features of the known words (W, D), unit length.
        logit_scale: factor from cosine to logit, of the backbone.
        none_cosine: the cosine below which a patch is none of the words, of the backbone.
        hidden: channels inside the adapter.

    """

    text: Tensor

    def __init__(self, *, text: Tensor, logit_scale: float, none_cosine: float, hidden: int) -> None:
        super().__init__()
        words, dim = text.shape
        self.logit_scale = logit_scale
        self.none_cosine = none_cosine
        self.register_buffer("text", text.detach().float().clone())
        self.offsets = nn.Parameter(torch.zeros(words, dim))
        self.biases = nn.Parameter(torch.zeros(words))
        self.none_offset = nn.Parameter(torch.zeros(dim))
        self.none_bias = nn.Parameter(torch.zeros(()))
        self.expand = nn.Linear(dim, hidden)
        self.contract = nn.Linear(hidden, dim)
        nn.init.zeros_(self.contract.weight)
        nn.init.zeros_(self.contract.bias)

    def forward(self, patches: Tensor, text: Tensor) -> Tensor:
        """Score words (P, D) on patches (B, D, h, w), both of unit length: logits (B, P, h, w).

        The logit of "none of these" is 0.
        """
        words, none = self.scores(patches, text)
        return words - none

    def scores(self, patches: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of words (B, P, h, w) and of "none of these" (B, 1, h, w), arguments as above."""
        features = self.move(patches)
        rows, biases = self._rows(text.float())
        words = self.logit_scale * features @ rows.t() + biases
        return words.movedim(-1, 1), self.none(features)

    def move(self, patches: Tensor) -> Tensor:
        """Pass patches (B, D, h, w) through the adapter: (B, h, w, D), unit length along D."""
        features = patches.movedim(1, -1)
        wide = features * features.shape[-1] ** 0.5
        return F.normalize(features + self.contract(F.gelu(self.expand(wide))), dim=-1)

    def none(self, features: Tensor) -> Tensor:
        """Return the logit of "none of these" for moved patches (B, h, w, D): (B, 1, h, w)."""
        logits = self.logit_scale * (self.none_cosine + features @ self.none_offset) + self.none_bias
        return logits.unsqueeze(1)

    def scaled(self, strength: float) -> "Adaptation":
        """Return a copy with a share of what was learned: 0 scores like the dense head, 1 like this one.

        On the straight line between a model and its fine-tuned self there often is one that keeps most of
        what both know (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
        """
        scaled = copy.deepcopy(self)
        with torch.no_grad():
            for learned in (
                scaled.offsets,
                scaled.biases,
                scaled.none_offset,
                scaled.none_bias,
                scaled.contract.weight,
                scaled.contract.bias,
            ):
                learned.mul_(strength)
        return scaled

    def _rows(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return the words' features with what was learned for them (P, D), and their biases (P,)."""
        likeness, place = (text @ self.text.t()).max(dim=1)
        known = likeness > _SAME_WORD
        offsets = torch.where(known.unsqueeze(1), self.offsets[place], 0.0)
        return text + offsets, torch.where(known, self.biases[place], 0.0)
