"""Where every word should lie after the text stage."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from training.pretrain.hierarchy import Meaning
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.templates import SLOT, fill

# Words and sentences with a place for them, to one unit feature a word (N, D): the mean over sentences.
Embed = Callable[[Sequence[str], Sequence[str]], Tensor]
BARE = (SLOT,)


def own_features(backbone: Backbone) -> Embed:
    """Return the features that a backbone's text tower gives at present."""

    def embed(words: Sequence[str], templates: Sequence[str]) -> Tensor:
        sentences = [fill(template, word) for word in words for template in templates]
        encoded = backbone.encode_text(sentences).clone()
        return F.normalize(encoded.view(len(words), len(templates), -1).mean(dim=1), dim=-1)

    return embed


def moved_features(
    own: Mapping[str, Tensor], related: Mapping[str, Sequence[Meaning]], *, pull: float
) -> dict[str, Tensor]:
    """Return the target (D,), unit length, of every related lemma.

    Each meaning gives a feature: the mean of its trained words where it is another name of them, `pull` of
    the way from the lemma's own feature to that mean where it is a kind of them, the lemma's own where it has
    none. The target is their mean, weighted by the meanings' shares.

    Args:
        own: the features (D,) of all lemmas and trained words without this stage.
        related: lemmas and their meanings.
        pull: 0 = kinds stay, 1 = they become the same as the trained word.

    """
    targets = {}
    for lemma, meanings in related.items():
        parts = [meaning.share * _feature(own, own[lemma], meaning, pull) for meaning in meanings]
        targets[lemma] = F.normalize(torch.stack(parts).sum(dim=0), dim=0)
    return targets


def _feature(own: Mapping[str, Tensor], alone: Tensor, meaning: Meaning, pull: float) -> Tensor:
    if not meaning.trained:
        return alone
    trained = F.normalize(torch.stack([own[word] for word in meaning.trained]).mean(dim=0), dim=0)
    if meaning.steps == 0:
        return trained
    return F.normalize(pull * trained + (1 - pull) * alone, dim=0)
