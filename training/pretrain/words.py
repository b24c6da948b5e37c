"""Text features of words, drawn anew for every step: another synonym, other sentences, a little noise."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.templates import fill

_SENTENCES = 3


class WordTargets:
    """Features of every word in every sentence of a backbone, computed once.

    Args:
        backbone: whose frozen text tower and sentences are used.
        words: all words that will be asked for; repeated ones count once.

    """

    def __init__(self, *, backbone: Backbone, words: Sequence[str]) -> None:
        self.words = tuple(dict.fromkeys(words))
        self._places = {word: place for place, word in enumerate(self.words)}
        sentences = [fill(template, word) for word in self.words for template in backbone.templates]
        encoded = backbone.encode_text(sentences).clone()
        self._sentences = encoded.view(len(self.words), len(backbone.templates), -1)
        self._means = F.normalize(self._sentences.mean(dim=1), dim=-1)

    def means(self, words: Sequence[str]) -> Tensor:
        """Return the features (N, D) that inference uses: the mean over all sentences, unit length."""
        return self._means[[self._places[word] for word in words]]

    def draw(self, words: Sequence[str], *, noise: float, generator: np.random.Generator) -> Tensor:
        """Return features (N, D), unit length, from three sentences drawn for each word, with noise added."""
        rows = self._sentences[[self._places[word] for word in words]]
        count = min(_SENTENCES, rows.shape[1])
        chosen = np.stack([generator.permutation(rows.shape[1])[:count] for _ in words])
        picked = rows.gather(1, torch.from_numpy(chosen).unsqueeze(-1).expand(-1, -1, rows.shape[2]))
        features = F.normalize(picked.mean(dim=1), dim=-1)
        shift = generator.standard_normal(features.shape).astype(np.float32) * noise
        return F.normalize(features + torch.from_numpy(shift), dim=-1)
