"""One pass over photographs for the start stage: a classifier's features and the words they should become."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from training.dataset_files import read_image, read_mask
from training.label_mapping import IGNORED, LabelMapping
from training.pretrain.classifier import Classifier, guesses
from training.pretrain.losses import pure_cells
from training.pretrain.mixture import Source
from training.pretrain.ridge import Moments
from training.pretrain.start_settings import StartSettings
from training.pretrain.text_targets import own_features
from training.samples import draw_order
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.encoding import image_pixels, resize_image
from zegclip_core.windows import plan_windows

_SAMPLINGS: tuple[Literal["balanced"], Literal["uniform"]] = ("balanced", "uniform")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassWords:
    """What a classifier's classes mean.

    Attributes:
        features: (C, D), each class in the space of words.
        withheld: (C,) bool, classes that are never guessed.

    """

    features: Tensor
    withheld: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _MaskWords:
    """The words (K, D) of a data set's classes, and the masks' way to them."""

    mapping: LabelMapping
    features: Tensor


def gather(
    sources: Sequence[Source],
    *,
    backbone: Backbone,
    classifier: Classifier,
    guessed: ClassWords,
    settings: StartSettings,
) -> Moments:
    """Return the sums over photographs that the linear map is solved from.

    Every cell counts once with the classifier's guess, as words; a cell that a mask gives a word counts once
    more with that word.

    Args:
        sources: photographs and masks; withheld words of theirs count as no mask.
        backbone: knows the words, the sizes and the scale of pixels.
        classifier: gives features and guesses.
        guessed: what its classes mean.
        settings: everything else.

    """
    moments = Moments(classifier.features, backbone.embed_dim)
    total = sum(source.weight for source in sources)
    steps = []
    for source in sources:
        words = _mask_words(source, backbone)
        share = round(settings.draws * source.weight / total)
        counts = drawn(source, words.mapping, draws=share, seed=settings.seed)
        steps += [(source, words, image_id, count) for image_id, count in counts.items()]
    for source, words, image_id, count in tqdm(steps, desc="photographs", unit="image"):
        image = read_image(source.description, image_id)
        targets = words.mapping.targets(read_mask(source.description, image_id))
        for side in settings.long_sides:
            pixels, seen = _resized(image, targets, backbone, side)
            features, logits = classifier(backbone.normalise(pixels.unsqueeze(0)))
            chances = guesses(logits, temperature=settings.temperature, withheld=guessed.withheld)
            rows = features[0].flatten(1).T
            moments.add(rows, chances[0].flatten(1).T @ guessed.features, weight=count)
            cells = pure_cells(seen.unsqueeze(0), len(words.features), backbone.stride).flatten()
            named = cells != IGNORED
            wanted = words.features[cells[named]]
            moments.add(rows[named], wanted, weight=count * settings.mask_weight)
    return moments


def _mask_words(source: Source, backbone: Backbone) -> _MaskWords:
    mapping, embed = source.mapping(), own_features(backbone)
    means = [embed(one.prompts, backbone.templates).mean(dim=0) for one in mapping.classes]
    return _MaskWords(mapping=mapping, features=F.normalize(torch.stack(means), dim=1))


def drawn(source: Source, mapping: LabelMapping, *, draws: int, seed: int) -> Counter[str]:
    """Draw photographs, half of them by class so that rare words count, and tell how often each was drawn."""
    balanced, uniform = (
        draw_order(source.description, source.split, mapping=mapping, sampling=sampling, seed=seed)
        for sampling in _SAMPLINGS
    )
    return Counter((uniform if draw % 2 else balanced).image_id(draw) for draw in range(draws))


def _resized(
    image: NDArray[np.uint8], targets: NDArray[np.int16], backbone: Backbone, side: int
) -> tuple[Tensor, Tensor]:
    """Return pixels (3, H, W) uint8 and targets (H, W) int64 with the longer side at about `side` pixels."""
    plan = plan_windows(image.shape[0], image.shape[1], backbone.sizes, long_side=side)
    size = (plan.width, plan.height)
    pixels = image_pixels(resize_image(image, plan.height, plan.width))
    seen = cv2.resize(targets, size, interpolation=cv2.INTER_NEAREST)
    return pixels, torch.from_numpy(seen.astype(np.int64))
