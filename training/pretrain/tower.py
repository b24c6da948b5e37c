"""The tower stage: the image tower of an embedded model, end to end, on masks with words.

The text tower stays as it is, so that words keep their places and the image tower learns to meet them.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import ConfigurationError, DivergedError, TrainingStateError
from training.pretrain.losses import (
    label_set_loss,
    memory_loss,
    pure_cells,
    vocabulary_loss,
    word_loss,
)
from training.pretrain.mixture import Batch, Mixture, Source
from training.pretrain.settings import TowerSettings
from training.pretrain.stuff import STUFF
from training.pretrain.words import WordTargets
from training.run_files import load_state, save_state
from training.teacher import mean_decay
from zegclip_core.backbones.backbone import Backbone

_WORD_STREAM = 4


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step showed.

    Attributes:
        step: 1-based.
        loss: the sum that was minimised.
        word_loss: its part against the data set's own words.

    """

    step: int
    loss: float
    word_loss: float


class TowerTraining:
    """One run of the tower stage.

    Args:
        backbone: the embedded model to continue from; its image tower is trained in place.
        sources: data sets with masks.
        vocabulary: words from which negatives are drawn, beside those of the data sets.
        settings: everything else.

    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        sources: Sequence[Source],
        vocabulary: Sequence[str],
        settings: TowerSettings,
    ) -> None:
        if backbone.none_cosine is None:
            raise ConfigurationError(
                f"{backbone.name} has no learned cosine of 'none': continue from zegclip-mini"
            )
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.backbone = backbone
        self.mixture = Mixture(sources, settings=settings)
        self._start = copy.deepcopy(backbone).eval()
        classes = [*STUFF, *(one for mapping in self.mixture.mappings for one in mapping.classes)]
        prompts = [word for one in classes for word in one.prompts]
        self._vocabulary = tuple(dict.fromkeys([*prompts, *vocabulary]))
        self._words = WordTargets(backbone=backbone, words=self._vocabulary)
        self.none_cosine = nn.Parameter(torch.tensor(backbone.none_cosine))
        self.log_scale = nn.Parameter(torch.tensor(math.log(backbone.logit_scale)))
        backbone.clip.visual.requires_grad_(True)
        stem = backbone.clip.visual.conv1.stem
        for part in (stem.conv0, *stem.blocks[: settings.frozen_blocks]):
            part.requires_grad_(False)
        self.trained = self._named_parameters()
        self.average = {name: tensor.detach().clone() for name, tensor in self.trained.items()}
        self.optimiser = torch.optim.AdamW(self._groups(), weight_decay=settings.weight_decay)
        self.step = 0

    def run(
        self,
        folder: Path,
        *,
        stop_after: int | None = None,
        on_step: Callable[[StepReport], object] = lambda _: None,
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

    def _one_step(self) -> StepReport:
        batch = self.mixture.batch(self.step)
        generator = np.random.default_rng([self.settings.seed, _WORD_STREAM, self.step])
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate()
        loss, words = self._losses(batch, generator)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(f"the loss is {value} at step {self.step}: lower the learning rates")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(list(self.trained.values()), self.settings.clip)
        self.optimiser.step()
        self.step += 1
        decay = mean_decay(self.settings.averaging, self.step)
        with torch.no_grad():
            for name, tensor in self.trained.items():
                self.average[name].lerp_(tensor, 1 - decay)
        return StepReport(self.step, value, words)

    def _losses(self, batch: Batch, generator: np.random.Generator) -> tuple[Tensor, float]:
        settings, stride = self.settings, self.backbone.stride
        images = self.backbone.normalise(batch.images)
        features, class_feature = _encoded(self.backbone, images)
        synonyms = [str(generator.choice(one.prompts)) for one in batch.classes]
        words = self._words.draw(synonyms, noise=settings.word_noise, generator=generator)
        scale = self.log_scale.exp()
        cosines = torch.einsum("bdhw,cd->bchw", features, words)
        own = word_loss(cosines[:, : batch.own], self.none_cosine, scale, batch.own_targets, stride)
        drawn = self._label_set_loss(cosines, scale, words, batch, generator)
        cells = pure_cells(batch.targets, len(words), stride)
        places = generator.choice(
            len(self._vocabulary), min(settings.negatives, len(self._vocabulary)), False
        )
        negatives = self._words.means([self._vocabulary[place] for place in places])
        against = vocabulary_loss(features, cells, words, negatives, scale, settings.relatives)
        total = own + settings.label_set_weight * drawn + settings.negative_weight * against
        if self.step % settings.memory_every == 0:
            with torch.no_grad():
                before, class_before = _encoded(self._start, images)
            forgotten = (1 - F.cosine_similarity(class_feature, class_before)).mean()
            memory = memory_loss(features, before, cells, words) + forgotten
            total = total + settings.memory_weight * memory
        return total, float(own.detach())

    def _label_set_loss(
        self, cosines: Tensor, scale: Tensor, words: Tensor, batch: Batch, generator: np.random.Generator
    ) -> Tensor:
        """Draw a share of words that are in the set, then the words."""
        kept = torch.from_numpy(generator.random(len(words)) < generator.uniform(0.2, 1))
        kin = words @ words.T > self.settings.relatives
        # The data set tells its own words apart, and the rules tell stuff apart.
        kin[: batch.own, : batch.own] = False
        kin[batch.own :, batch.own :] = False
        return label_set_loss(
            cosines,
            self.none_cosine,
            scale,
            batch.targets,
            kept=kept,
            kin=kin,
            own=batch.own,
            stride=self.backbone.stride,
        )

    def _rate(self) -> float:
        """Share of the peak rate: linear warm-up, then half a cosine."""
        warm = min(1.0, (self.step + 1) / max(1, self.settings.warmup))
        return warm * 0.5 * (1 + math.cos(math.pi * self.step / self.settings.steps))

    def _named_parameters(self) -> dict[str, nn.Parameter]:
        tower = {
            f"visual.{name}": tensor
            for name, tensor in self.backbone.clip.visual.named_parameters()
            if tensor.requires_grad
        }
        return {**tower, "none_cosine": self.none_cosine, "logit_scale": self.log_scale}

    def _groups(self) -> list[dict[str, Any]]:
        stem = [tensor for name, tensor in self.trained.items() if ".stem." in name]
        rest = [tensor for name, tensor in self.trained.items() if ".stem." not in name]
        rates = self.settings.stem_rate, self.settings.tower_rate
        return [
            {"params": params, "lr": rate, "peak": rate}
            for params, rate in zip((stem, rest), rates, strict=True)
        ]

    def _identity(self) -> dict[str, str]:
        sources = [[one.description.name, one.split, one.weight] for one in self.mixture.sources]
        settings = {name: repr(value) for name, value in asdict(self.settings).items()}
        return {"start": self.backbone.digest, "sources": repr(sources), **settings}

    def _state(self) -> dict[str, Any]:
        return {
            "identity": self._identity(),
            "step": self.step,
            "trained": {name: tensor.detach() for name, tensor in self.trained.items()},
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }

    def _restore(self, state: dict[str, Any], folder: Path) -> None:
        if state["identity"] != self._identity():
            raise TrainingStateError(
                f"{folder} holds a run with other data or settings: give another folder, or delete it"
            )
        self.step = int(state["step"])
        with torch.no_grad():
            for name, tensor in self.trained.items():
                tensor.copy_(state["trained"][name])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])


def _encoded(backbone: Backbone, images: Tensor) -> tuple[Tensor, Tensor]:
    """Patch features (B, D, h, w) and class features (B, D), computed in bfloat16 where that is faster."""
    with torch.autocast(images.device.type, dtype=torch.bfloat16):
        patches, whole = backbone.encode_image(images)
    return F.normalize(patches.float(), dim=1), whole.float()
