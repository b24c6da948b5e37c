"""Every choice of an adaptation in one frozen value."""

from dataclasses import dataclass

from training.setting_groups import require


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationSettings:
    """How a dense CLIP is adapted; defaults were chosen on photographs that its training had not seen.

    Attributes:
        iterations: optimiser steps.
        images: corrected images per step; a learned label is drawn, then an image that shows it.
        unlabelled_images: images without correction per step.
        learning_rate: of offsets of words and of "none"; the adapter takes `adapter_rate_scale` of it, biases
            `bias_rate_scale` of it, which are logits.
        hidden: channels inside the adapter.
        confidence: the probability that a pseudo label needs.
        unlabelled_weight: factor of the loss of images without correction.
        teacher_decay: decay of the running mean of weights that gives pseudo labels and is what is kept.
        smallest_kept: of the patches where the CLIP is sure of a label without corrections, the share that
            what was learned may not go below.
        warmup: share of the steps with linear warm-up.
        target_stride: compare every n-th pixel of every n-th row of a view only.
        save_every: iterations between saved states.
        seed: where every random number starts.

    """

    iterations: int = 200
    images: int = 8
    unlabelled_images: int = 4
    learning_rate: float = 1e-3
    adapter_rate_scale: float = 0.3
    bias_rate_scale: float = 3.0
    hidden: int = 128
    confidence: float = 0.5
    unlabelled_weight: float = 0.5
    teacher_decay: float = 0.98
    smallest_kept: float = 0.7
    warmup: float = 0.05
    target_stride: int = 4
    save_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        require(self.iterations >= 1, "iterations", self.iterations, "1 or more")
        require(self.images >= 1, "images", self.images, "1 or more")
        require(self.unlabelled_images >= 0, "unlabelled_images", self.unlabelled_images, "0 or more")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(0 <= self.confidence < 1, "confidence", self.confidence, "0 up to 1")
        require(0 <= self.teacher_decay < 1, "teacher_decay", self.teacher_decay, "0 up to 1")
        require(self.target_stride >= 1, "target_stride", self.target_stride, "1 or more")
        require(self.save_every >= 1, "save_every", self.save_every, "1 or more")
