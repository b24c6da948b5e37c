"""The text stage: the text tower alone, so that other names and kinds of trained things meet their images.

The image tower stays as it is. Every string is drawn with its target: trained words, unrelated words and
definitions keep their places, related lemmas move (`moved_features`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import DivergedError, TrainingStateError
from training.pretrain.lexicon import Lexicon, plural
from training.pretrain.text_settings import TextSettings
from training.run_files import load_state, save_state
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.templates import SLOT, fill
from zegclip_core.text_tower import encode_tokens

_DRAW_STREAM = 7
_AT_ONCE = 30
_TABLE = "token_embedding.weight"
_NOT_TEXT = ("visual.", "logit_scale")


@dataclass(frozen=True, slots=True)
class TextReport:
    """What one step showed.

    Attributes:
        step: 1-based.
        loss: mean of 1 - cosine to the targets.

    """

    step: int
    loss: float


class TextTraining:
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
        self.trained: dict[str, nn.Parameter] = {
            name: tensor
            for name, tensor in backbone.clip.named_parameters()
            if not name.startswith(_NOT_TEXT)
        }
        for tensor in self.trained.values():
            tensor.requires_grad_(True)
        rest = [tensor for name, tensor in self.trained.items() if name != _TABLE]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [self.trained[_TABLE]], "peak": settings.token_rate, "weight_decay": 0.0},
                {"params": rest, "peak": settings.rate, "weight_decay": settings.weight_decay},
            ],
            lr=settings.rate,
        )
        self.step = 0

    def run(
        self,
        folder: Path,
        *,
        stop_after: int | None = None,
        on_step: Callable[[TextReport], object] = lambda _: None,
    ) -> None:
        """Train, going on from the state in `folder` when there is one.

        Args:
            folder: where states are saved.
            stop_after: end after this step although the schedule goes on; None for its end.
            on_step: called after every step.

        Raises `TrainingStateError` for a damaged or foreign state, `DivergedError` for a loss that is no
        number.
        """
        state = load_state(folder)
        if state is not None:
            self._restore(state, folder)
        last = self.settings.steps if stop_after is None else min(stop_after, self.settings.steps)
        while self.step < last:
            on_step(self._one_step())
            if self.step % self.settings.save_every == 0 or self.step == last:
                save_state(folder, self._state())

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

    def _one_step(self) -> TextReport:
        sentences, words = self.batch(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate()
        tokens = self.backbone.tokenizer(sentences)
        # Short strings first: a part is as long as its longest string, so that definitions cost no padding.
        order = tokens.argmax(dim=1).argsort()
        parts = [encode_tokens(self.backbone.clip, part) for part in torch.split(tokens[order], _AT_ONCE)]
        features = F.normalize(torch.cat(parts), dim=-1)
        wanted = torch.stack([self.targets[words[place]] for place in order.tolist()])
        loss = (1 - (features * wanted).sum(dim=1)).mean()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(f"the loss is {value} at step {self.step}: lower the learning rates")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(list(self.trained.values()), self.settings.clip)
        self.optimiser.step()
        self.step += 1
        return TextReport(self.step, value)

    def _rate(self) -> float:
        """Share of the peak rate: linear warm-up, then half a cosine."""
        warm = min(1.0, (self.step + 1) / max(1, self.settings.warmup))
        return warm * 0.5 * (1 + math.cos(math.pi * self.step / self.settings.steps))

    def _identity(self) -> dict[str, str]:
        settings = {name: repr(value) for name, value in asdict(self.settings).items()}
        lexicon = self._lexicon
        counts = [len(lexicon.trained), len(lexicon.related), len(lexicon.others), len(lexicon.glosses)]
        mark = float(torch.stack([self.targets[word] for word in lexicon.trained]).abs().sum())
        return {"start": self.backbone.digest, "words": repr(counts), "targets": f"{mark:.4f}", **settings}

    def _state(self) -> dict[str, Any]:
        return {
            "identity": self._identity(),
            "step": self.step,
            "trained": {name: tensor.detach() for name, tensor in self.trained.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def _restore(self, state: dict[str, Any], folder: Path) -> None:
        if state["identity"] != self._identity():
            raise TrainingStateError(
                f"{folder} holds a run with other words or settings: give another folder, or delete it"
            )
        self.step = int(state["step"])
        with torch.no_grad():
            for name, tensor in self.trained.items():
                tensor.copy_(state["trained"][name])
        self.optimiser.load_state_dict(state["optimiser"])


def _draw(words: Sequence[str], count: int, generator: np.random.Generator) -> list[str]:
    return [words[place] for place in generator.integers(len(words), size=count)] if words else []


def _by_trained_word(lexicon: Lexicon) -> list[list[str]]:
    """Related lemmas in groups, one for each trained word that they name or are a kind of."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for lemma, meanings in lexicon.related.items():
        target = next(meaning.trained for meaning in meanings if meaning.trained)
        groups.setdefault(target, []).append(lemma)
    return list(groups.values())
