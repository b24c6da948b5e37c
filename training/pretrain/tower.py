"""The tower stage: the image tower of an embedded model, end to end, on masks with words.

The text tower stays as it is, so that words keep their places and the image tower learns to meet them.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.errors import ConfigurationError
from training.pretrain.guess_teacher import GuessTeacher
from training.pretrain.half_precision import bfloat16_is_fast
from training.pretrain.losses import (
    label_set_loss,
    memory_loss,
    pure_cells,
    unnamed_memory_loss,
    vocabulary_loss,
    word_loss,
)
from training.pretrain.mixture import Batch, Mixture, Source
from training.pretrain.settings import TowerSettings
from training.pretrain.stage import Stage
from training.pretrain.stuff import STUFF
from training.pretrain.words import WordTargets
from training.teacher import mean_decay
from zegclip_core.backbones.backbone import Backbone

_WORD_STREAM = 4


class TowerTraining(Stage):
    """One run of the tower stage.

    Args:
        backbone: the embedded model to continue from; its image tower is trained in place.
        sources: data sets with masks.
        vocabulary: words from which negatives are drawn, beside those of the data sets.
        settings: everything else.
        teacher: knows words for cells that no mask names; None for none.

    """

    def __init__(
        self,
        *,
        backbone: Backbone,
        sources: Sequence[Source],
        vocabulary: Sequence[str],
        settings: TowerSettings,
        teacher: GuessTeacher | None = None,
    ) -> None:
        if backbone.none_cosine is None:
            raise ConfigurationError(
                f"{backbone.name} has no learned cosine of 'none': continue from zegclip-mini"
            )
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.backbone = backbone
        self.teacher = teacher
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
        trained = self._named_parameters()
        self.average = {name: tensor.detach().clone() for name, tensor in trained.items()}
        super().__init__(trained=trained, groups=_groups(trained, settings), schedule=settings)

    @property
    def kept(self) -> dict[str, Tensor]:
        """The running mean of the parameters."""
        return self.average

    def loss(self) -> tuple[Tensor, float]:
        """Return the sum of all losses, and its part against the data set's own words."""
        generator = np.random.default_rng([self.settings.seed, _WORD_STREAM, self.step])
        return self._losses(self.mixture.batch(self.step), generator)

    def after_step(self) -> None:
        """Let the running mean follow."""
        decay = mean_decay(self.settings.averaging, self.step)
        with torch.no_grad():
            for name, tensor in self.trained.items():
                self.average[name].lerp_(tensor, 1 - decay)

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
            unnamed = unnamed_memory_loss(features, before, cells)
            total = total + settings.memory_weight * memory + settings.unnamed_weight * unnamed
        if self.teacher is not None:
            total = total + settings.guess_weight * self.teacher.loss(features, images, cells, scale)
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

    def _named_parameters(self) -> dict[str, nn.Parameter]:
        tower = {
            f"visual.{name}": tensor
            for name, tensor in self.backbone.clip.visual.named_parameters()
            if tensor.requires_grad
        }
        return {**tower, "none_cosine": self.none_cosine, "logit_scale": self.log_scale}

    def identity(self) -> dict[str, str]:
        """Return start, data, teacher and settings."""
        sources = [
            [one.description.name, one.split, one.weight, one.withheld] for one in self.mixture.sources
        ]
        settings = {name: repr(value) for name, value in asdict(self.settings).items()}
        taught = self.teacher.identity if self.teacher else "nobody"
        return {"start": self.backbone.digest, "sources": repr(sources), "teacher": taught, **settings}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {**super().state(), "average": self.average}

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was returned from."""
        super().restore(state)
        self.average = state["average"]


def _groups(trained: dict[str, nn.Parameter], settings: TowerSettings) -> list[dict[str, Any]]:
    stem = [tensor for name, tensor in trained.items() if ".stem." in name]
    rest = [tensor for name, tensor in trained.items() if ".stem." not in name]
    return [{"params": stem, "peak": settings.stem_rate}, {"params": rest, "peak": settings.tower_rate}]


def _encoded(backbone: Backbone, images: Tensor) -> tuple[Tensor, Tensor]:
    """Patch features (B, D, h, w) and class features (B, D), computed in bfloat16 where that is faster."""
    faster = bfloat16_is_fast(images.device)
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=faster):
        patches, whole = backbone.encode_image(images)
    return F.normalize(patches.float(), dim=1), whole.float()
