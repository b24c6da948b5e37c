"""The groups of settings that a training run is made of, each validated on its own.

Defaults are the released ZegCLIP recipe for PASCAL VOC 2012 (CVPR 2023, and the authors'
configuration files); recipes in `training/recipes/` and the command line only override them.
"""

from dataclasses import dataclass
from typing import Any, Literal

from training.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What is built on the frozen backbone.

    Attributes:
        backbone: notation of the backbone, such as "zegclip-mini" or "ViT-B-16/openai".
        prompt_tokens: deep prompt tokens per layer; 0 leaves the image tower untouched.
        descriptor: how image and text features form a query; "product_text" is the paper's [t*g, t].
        decoder_layers: cross-attention layers.
        dropout: dropout of prompts, attention and feed-forward layers.
        start: "random" as in the paper, or "similarity": the decoder begins as the cosine of patch and word,
            for backbones trained on patches.
        tuned: "prompts" keeps the tower frozen; "blocks" fine-tunes its transformer blocks (the baseline).
        normalisation: pixel scale, "backbone" for CLIP's own, "imagenet" as in the released weights.
        class_embedding_twice: the quirk of the released weights (ZegCLIP issue 4).
        position_interpolation: "bicubic", or "bilinear" as in the released weights.

    """

    backbone: str = "ViT-B-16/openai"
    prompt_tokens: int = 10
    descriptor: Literal["product_text", "text", "global_text"] = "product_text"
    decoder_layers: int = 3
    dropout: float = 0.1
    start: Literal["random", "similarity"] = "random"
    tuned: Literal["prompts", "blocks"] = "prompts"
    normalisation: Literal["backbone", "imagenet"] = "backbone"
    class_embedding_twice: bool = False
    position_interpolation: Literal["bicubic", "bilinear"] = "bicubic"

    def __post_init__(self) -> None:
        require(self.prompt_tokens >= 0, "model.prompt_tokens", self.prompt_tokens, "0 or more")
        require(self.decoder_layers >= 1, "model.decoder_layers", self.decoder_layers, "1 or more")
        require(0 <= self.dropout < 1, "model.dropout", self.dropout, "from 0 up to, not including, 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """What is read, and how words and pixels become targets.

    Attributes:
        train_split: split to train on.
        words: "names" takes class names as they stand, "first" the first prompt word, "all" the mean of all.
        templates: "single" ("a photo of a {}"), "ensemble" (15 sentences) or "backbone" (the backbone's own).
        background: "ignore" leaves background pixels out (the papers' protocol), "negative" makes them belong
            to none of the words.
        sampling: "uniform" over images, or "balanced": draw a seen class, then an image that holds it.
        cache: "none"; "stem" keeps the frozen stem's output; "features" keeps the frozen tower's output.
        workers: processes that read and augment; 0 does it between the steps.

    """

    train_split: str = "train_aug"
    words: Literal["names", "first", "all"] = "names"
    templates: Literal["single", "ensemble", "backbone"] = "single"
    background: Literal["ignore", "negative"] = "ignore"
    sampling: Literal["uniform", "balanced"] = "uniform"
    cache: Literal["none", "stem", "features"] = "none"
    workers: int = 0

    def __post_init__(self) -> None:
        require(self.workers >= 0, "data.workers", self.workers, "0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationSettings:
    """Random views of a photograph.

    Attributes:
        short_side: length in pixels that the shorter side has at scale 1.
        long_side: limit of the longer side at scale 1.
        scales: smallest and largest random scale.
        crop: side of the square crop in pixels.
        largest_class_share: a crop is drawn again (10 tries) where one class covers more of its labels.
        flip: probability of mirroring.
        photometric: whether brightness, contrast, saturation and hue change.
        cached_scales: the scales of cached views, in place of `scales`; each is kept plain and mirrored.

    """

    short_side: int = 512
    long_side: int = 2048
    scales: tuple[float, float] = (0.5, 2.0)
    crop: int = 512
    largest_class_share: float = 0.75
    flip: float = 0.5
    photometric: bool = True
    cached_scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        require(
            0 < self.scales[0] <= self.scales[1], "augmentation.scales", self.scales, "ascending and above 0"
        )
        require(self.crop > 0, "augmentation.crop", self.crop, "a number of pixels")
        require(
            0 < self.short_side <= self.long_side, "augmentation.short_side", self.short_side, "<= long_side"
        )
        share = self.largest_class_share
        require(0 < share <= 1, "augmentation.largest_class_share", share, "above 0, at most 1")
        require(0 <= self.flip <= 1, "augmentation.flip", self.flip, "a probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimisationSettings:
    """AdamW with linear warm-up and polynomial decay.

    Attributes:
        iterations: optimiser steps of the whole schedule.
        batch_size: images per step.
        micro_batch: images per forward pass; gradients accumulate to `batch_size` with identical result.
        learning_rate: peak rate of all trained parameters.
        tower_rate_scale: factor of the rate for tower blocks when `model.tuned` is "blocks".
        weight_decay: AdamW's decay.
        warmup: iterations of linear warm-up.
        warmup_ratio: share of the peak rate at iteration 0.
        power: exponent of the polynomial decay.
        smallest_rate: the decay's floor.
        precision: "auto" takes bfloat16 on CUDA and float32 elsewhere.
        save_every: iterations between saved training states.

    """

    iterations: int = 20_000
    batch_size: int = 16
    micro_batch: int = 4
    learning_rate: float = 2e-4
    tower_rate_scale: float = 0.1
    weight_decay: float = 0.01
    warmup: int = 1500
    warmup_ratio: float = 1e-6
    power: float = 0.9
    smallest_rate: float = 1e-6
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    save_every: int = 1000

    def __post_init__(self) -> None:
        require(self.iterations >= 1, "optimisation.iterations", self.iterations, "1 or more")
        require(self.batch_size >= 1, "optimisation.batch_size", self.batch_size, "1 or more")
        require(self.micro_batch >= 1, "optimisation.micro_batch", self.micro_batch, "1 or more")
        require(self.learning_rate > 0, "optimisation.learning_rate", self.learning_rate, "above 0")
        require(self.warmup >= 0, "optimisation.warmup", self.warmup, "0 or more")
        require(self.save_every >= 1, "optimisation.save_every", self.save_every, "1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSettings:
    """What is minimised.

    Attributes:
        kind: "non_exclusive" is the paper's sigmoid focal and dice loss, "exclusive" a softmax cross-entropy.
        focal_weight: factor of the focal term.
        dice_weight: factor of the dice term.
        ignored_are_negative: count ignored pixels as negatives of every class, as the released code does.
        target_stride: compare every n-th pixel of every n-th row only; 1 compares all, as the released code.

    """

    kind: Literal["non_exclusive", "exclusive"] = "non_exclusive"
    focal_weight: float = 100.0
    dice_weight: float = 1.0
    ignored_are_negative: bool = True
    target_stride: int = 1

    def __post_init__(self) -> None:
        require(self.target_stride >= 1, "loss.target_stride", self.target_stride, "1 or more")
        weights = (self.focal_weight, self.dice_weight)
        require(min(weights) >= 0 < max(weights), "loss weights", weights, "0 or more, not both 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTrainingSettings:
    """Pseudo labels of unseen classes in transductive training (the paper's transductive setting).

    Attributes:
        scheme: "released" writes the student's best unseen class on every pixel without a seen label;
            "teacher" takes an averaged teacher, drops unsure pixels and balances the classes.
        inductive_iterations: steps before self-training begins, on the schedule of `optimisation.iterations`.
        iterations: steps of self-training, with a fresh optimiser and schedule.
        kept_share: of the pixels that an unseen class wins, the share that the teacher is surest of.
        teacher_decay: decay of the teacher's running mean of weights.
        balance: 0 keeps the surest pixels of all unseen classes together; 1 those of each class.

    """

    scheme: Literal["released", "teacher"] = "released"
    inductive_iterations: int = 10_000
    iterations: int = 10_000
    kept_share: float = 0.5
    teacher_decay: float = 0.999
    balance: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.kept_share <= 1, "self_training.kept_share", self.kept_share, "above 0, up to 1")
        require(0 <= self.teacher_decay < 1, "self_training.teacher_decay", self.teacher_decay, "0 up to 1")
        require(0 <= self.balance <= 1, "self_training.balance", self.balance, "0 to 1")
        require(self.iterations >= 1, "self_training.iterations", self.iterations, "1 or more")
        start = self.inductive_iterations
        require(start >= 0, "self_training.inductive_iterations", start, "0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """How the trained model is scored.

    Attributes:
        split: split to score on.
        short_side: length that the shorter side is brought to; 0 brings the longer side to `long_side`.
        long_side: limit of the longer side.
        window: side of the sliding window in pixels; 0 looks at the whole image.
        window_stride: step of the window.
        context_side: the trained model sees whole photographs that are larger a second time, their longer
            side at so many pixels, and averages the features of both looks; 0 for one look.
        none_probability: the probability below which the trained model takes a patch for none of the words.
        seen_bias: the bias against seen classes that an inductive model is saved with.

    """

    split: str = "val"
    short_side: int = 512
    long_side: int = 2048
    window: int = 512
    window_stride: int = 426
    context_side: int = 0
    none_probability: float = 0.5
    seen_bias: float = 0.1

    def __post_init__(self) -> None:
        require(self.long_side > 0, "evaluation.long_side", self.long_side, "a number of pixels")
        side = self.context_side
        fits = side == 0 or (self.window == 0 and 0 < side < self.long_side)
        require(fits, "evaluation.context_side", side, "0, or less than long_side, without a window")
        share = self.none_probability
        require(0 < share < 1, "evaluation.none_probability", share, "above 0, below 1")
        require(
            self.window == 0 or 0 < self.window_stride <= self.window,
            "evaluation.window_stride",
            self.window_stride,
            "above 0 and at most the window",
        )


def require(holds: bool, name: str, value: Any, allowed: str) -> None:
    """Raise `ConfigurationError` naming the setting, its value and what is allowed."""
    if not holds:
        raise ConfigurationError(f"{name} = {value!r}: must be {allowed}")
