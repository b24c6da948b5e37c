"""The larger sentence encoder that the text tower of zegclip-mini learns from: all-MiniLM-L6-v2."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.errors import ConfigurationError
from training.pretrain.sentence_encoder import SentenceEncoder
from training.pretrain.text_targets import Embed
from zegclip_core.templates import fill

_ARTICLE = re.compile(r"\ba (?=[aeiou])")


def teacher_features(folder: Path, *, centre: Sequence[str], templates: Sequence[str]) -> Embed:
    """Return the features of the encoder in `folder` in the joint space.

    Args:
        folder: holds all-MiniLM-L6-v2.
        centre: words whose mean is the joint space's origin, ImageNet's 1,000 names.
        templates: the sentences that those words are put into.

    Raises `ConfigurationError` when the encoder, its library or the words are missing.

    """
    if not centre:
        raise ConfigurationError(
            "--teacher needs --centre: a file of words, one a line (ImageNet's 1,000 names)"
        )
    return centred(SentenceEncoder.load(folder).encode, centre=centre, templates=templates)


def centred(
    encode: Callable[[Sequence[str]], Tensor], *, centre: Sequence[str], templates: Sequence[str]
) -> Embed:
    """Return features from which the mean of `centre` has been taken away, of unit length again.

    Without that shift all words lie together (mean cosine of pairs of VOC's classes 0.34; after it 0.06).
    """

    def means(words: Sequence[str], sentences: Sequence[str]) -> Tensor:
        filled = [_ARTICLE.sub("an ", fill(one, word)) for word in words for one in sentences]
        encoded = encode(filled)
        return F.normalize(encoded.view(len(words), len(sentences), -1).mean(dim=1), dim=-1)

    # Computed when it is first needed: a run whose features are kept does not need it.
    @cache
    def origin() -> Tensor:
        parts = [means(centre[first : first + 50], templates) for first in range(0, len(centre), 50)]
        return torch.cat(parts).mean(dim=0)

    return lambda words, sentences: F.normalize(means(words, sentences) - origin(), dim=-1)
