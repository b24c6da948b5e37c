"""How many lemmas lie nearest to the trained word that they name or are a kind of."""

from collections.abc import Mapping, Sequence

from training.pretrain.hierarchy import Meaning
from training.pretrain.text_targets import Embed
from zegclip_core.templates import SLOT


def recall(embed: Embed, trained: Sequence[str], related: Mapping[str, Sequence[Meaning]]) -> float:
    """Return the percentage of lemmas whose nearest trained word is right, by bare words without sentences.

    Args:
        embed: the features to judge.
        trained: words that the image tower was trained on.
        related: lemmas with their meanings; any of a lemma's trained words is right.

    """
    lemmas = list(related)
    nearest = (embed(lemmas, (SLOT,)) @ embed(trained, (SLOT,)).T).argmax(dim=1).tolist()
    right = sum(
        any(trained[place] in meaning.trained for meaning in related[lemma])
        for lemma, place in zip(lemmas, nearest, strict=True)
    )
    return 100 * right / len(lemmas)
