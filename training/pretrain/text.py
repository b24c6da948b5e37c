"""The text stage: the text tower alone, so that other names and kinds of trained things meet their images.

The image tower stays as it is. Every string is drawn with its target: trained words, unrelated words and
definitions keep their places, related lemmas move (`moved_features`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.pretrain.lexicon import Lexicon, plural
from training.pretrain.stage import Stage
from training.pretrain.text_settings import TextSettings
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.templates import SLOT, fill
from zegclip_core.text_tower import encode_tokens

_DRAW_STREAM = 7
_AT_ONCE = 30
_TABLE = "token_embedding.weight"
_NOT_TEXT = ("visual.", "logit_scale")


class TextTraining(Stage):
    """One run of the text stage.

    Args:
        backbone: the embedded model to continue from; its text tower is trained in place.
        lexicon: the words; withheld ones are never drawn.
        targets: the feature (D,), unit length, of every word and definition that is drawn.
        settings: everything else.

    """

    def __init__(
        self, *, backbone: Backbone, lexicon: Lexicon, targets: Mapping[str, Tensor], settings: TextSettings
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.backbone = backbone
        self.targets = targets
        self._kinds = _by_trained_word(lexicon)
        self._lexicon = lexicon
        trained: dict[str, nn.Parameter] = {
            name: tensor
            for name, tensor in backbone.clip.named_parameters()
            if not name.startswith(_NOT_TEXT)
        }
        for tensor in trained.values():
            tensor.requires_grad_(True)
        rest = [tensor for name, tensor in trained.items() if name != _TABLE]
        groups = [
            {"params": [trained[_TABLE]], "peak": settings.token_rate, "weight_decay": 0.0},
            {"params": rest, "peak": settings.rate},
        ]
        super().__init__(trained=trained, groups=groups, schedule=settings)

    def batch(self, step: int) -> tuple[list[str], list[str]]:
        """Return the sentences of a step and the word, or definition, whose target each has."""
        settings, lexicon, templates = self.settings, self._lexicon, self.backbone.templates
        generator = np.random.default_rng([settings.seed, _DRAW_STREAM, step])
        related = self._draw_related(generator)
        trained = _draw(lexicon.trained, settings.trained_each_step, generator)
        others = _draw(lexicon.others, settings.others_each_step, generator)
        glosses = _draw(lexicon.glosses, settings.glosses_each_step, generator)
        sentences = []
        for place, word in enumerate([*related, *trained, *others]):
            countable = place < len(related) + len(trained) and generator.random() < settings.plurals
            template = templates[generator.integers(len(templates))]
            sentences.append(fill(template, plural(word) if countable and template == SLOT else word))
        return [*sentences, *glosses], [*related, *trained, *others, *glosses]

    def _draw_related(self, generator: np.random.Generator) -> list[str]:
        """Draw trained words by the square root of how many kinds they have, then one of those kinds."""
        if not self._kinds:
            return []
        shares = np.sqrt([len(group) for group in self._kinds])
        places = generator.choice(len(shares), self.settings.related_each_step, p=shares / shares.sum())
        return [self._kinds[place][generator.integers(len(self._kinds[place]))] for place in places]

    def loss(self) -> tuple[Tensor, float]:
        """Return the mean of 1 - cosine to the targets, twice."""
        sentences, words = self.batch(self.step)
        tokens = self.backbone.tokenizer(sentences)
        # Short strings first: a part is as long as its longest string, so that definitions cost no padding.
        order = tokens.argmax(dim=1).argsort()
        parts = [encode_tokens(self.backbone.clip, part) for part in torch.split(tokens[order], _AT_ONCE)]
        features = F.normalize(torch.cat(parts), dim=-1)
        wanted = torch.stack([self.targets[words[place]] for place in order.tolist()])
        distance = (1 - (features * wanted).sum(dim=1)).mean()
        return distance, float(distance.detach())

    def identity(self) -> dict[str, str]:
        """Return start, words, targets and settings."""
        settings = {name: repr(value) for name, value in asdict(self.settings).items()}
        lexicon = self._lexicon
        counts = [len(lexicon.trained), len(lexicon.related), len(lexicon.others), len(lexicon.glosses)]
        mark = float(torch.stack([self.targets[word] for word in lexicon.trained]).abs().sum())
        return {"start": self.backbone.digest, "words": repr(counts), "targets": f"{mark:.4f}", **settings}


def _draw(words: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    return [words[place] for place in generator.integers(len(words), size=count)] if words else []


def _by_trained_word(lexicon: Lexicon) -> list[list[str]]:
    """Related lemmas in groups, one for each trained word that they name or are a kind of."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for lemma, meanings in lexicon.related.items():
        target = next(meaning.trained for meaning in meanings if meaning.trained)
        groups.setdefault(target, []).append(lemma)
    return list(groups.values())
