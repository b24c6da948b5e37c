"""Labels to text features: templates, synonyms, and what has been computed once is not computed again."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.errors import LabelError
from zegclip_core.labels import Label
from zegclip_core.templates import SLOT, fill
from zegclip_core.text_features_cache import TextFeaturesCache

_LOG = logging.getLogger(__name__)
_WORDS_IN_MEMORY = 4096
# No text tower reads more than 77 tokens; tokenising takes quadratic time in the length of a word.
_LONGEST_WORD = 1000


class TextBank:
    """Text features of labels for one backbone and one set of templates.

    A word's feature is the mean of the unit features of its sentences, of unit length again (Radford et al.,
    ICML 2021, prompt ensembling). It is finite for every text: blanks do not count, underscores are blanks,
    half characters (lone surrogates) are replaced, text beyond the context is left out with a warning in
    the log, and a word of which the tokenizer keeps nothing gets the feature of the bare sentences.

    Args:
        backbone: the CLIP whose text tower is used.
        templates: sentences with `{}` for the word; the backbone's own when None.
        cache_dir: a folder where features are kept from run to run; None keeps them in memory only.

    Raises `LabelError` when a template has no place for the word, or none is given.

    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        templates: Sequence[str] | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        self.backbone = backbone
        self.templates = tuple(backbone.templates if templates is None else templates)
        if not self.templates or any(SLOT not in template for template in self.templates):
            raise LabelError(
                f"templates {self.templates!r}: give at least one, each with {SLOT} for the word"
            )
        self._cache = (
            TextFeaturesCache(cache_dir, backbone_digest=backbone.digest, templates=self.templates)
            if cache_dir
            else None
        )
        self._memory: OrderedDict[str, Tensor] = OrderedDict()

    def embed(self, labels: Sequence[Label]) -> tuple[Tensor, Tensor]:
        """Return the features of all words of all labels (P, D), unit length, and the label of each (P,).

        Words come label by label in the labels' order. Raises `LabelError` when there is no label.
        """
        if not labels:
            raise LabelError("no label to look for: give at least one word")
        words = [clean_word(prompt) for label in labels for prompt in label.prompts]
        owners = [index for index, label in enumerate(labels) for _ in label.prompts]
        features = self._features(list(dict.fromkeys(words)))
        stacked = torch.stack([features[word] for word in words]).to(self.backbone.device)
        return stacked, torch.tensor(owners, device=self.backbone.device)

    def embed_mean(self, labels: Sequence[Label]) -> Tensor:
        """Return one feature for each label (C, D): the mean of its words' features, of unit length."""
        features, owners = self.embed(labels)
        sums = features.new_zeros(len(labels), features.shape[1]).index_add_(0, owners, features)
        return F.normalize(sums, dim=-1)

    def _features(self, words: list[str]) -> dict[str, Tensor]:
        """Look the words up in memory, then on disk, and compute what is left."""
        known = {word: self._memory[word] for word in words if word in self._memory}
        if self._cache and len(known) < len(words):
            stored = self._cache.read(words, self.backbone.embed_dim)
            if stored is not None:
                known = dict(zip(words, torch.from_numpy(stored), strict=True))
        missing = [word for word in words if word not in known]
        if missing:
            known |= dict(zip(missing, self._compute(missing).cpu(), strict=True))
        if self._cache and (missing or not self._cache.has(words)):
            self._cache.write(words, torch.stack([known[word] for word in words]).numpy())
        self._remember(known)
        return known

    def _remember(self, features: dict[str, Tensor]) -> None:
        self._memory.update(features)
        for word in features:
            self._memory.move_to_end(word)
        while len(self._memory) > _WORDS_IN_MEMORY:
            self._memory.popitem(last=False)

    @torch.no_grad()
    def _compute(self, words: list[str]) -> Tensor:
        longest = max(self.templates, key=len)
        for word in words:
            if len(word) == _LONGEST_WORD or self.backbone.fills_context(fill(longest, word)):
                _LOG.warning("the words %.80r... are longer than the model reads: the end is left out", word)
        sentences = [fill(template, word) for word in words for template in self.templates]
        encoded = self.backbone.encode_text(sentences)
        return F.normalize(encoded.view(len(words), len(self.templates), -1).mean(dim=1), dim=-1)


def clean_word(text: str) -> str:
    """Bring a word to the form it is looked up by: single blanks, no half characters, at most 1,000 long."""
    whole = text[: 2 * _LONGEST_WORD].encode("utf-8", errors="replace").decode("utf-8")
    return " ".join(whole.replace("_", " ").split())[:_LONGEST_WORD]
