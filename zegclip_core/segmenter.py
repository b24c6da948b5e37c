"""From an image and words to a label map: the one way that every caller takes."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import BackboneSpec, parse_notation
from zegclip_core.checkpoints.compact import is_checkpoint
from zegclip_core.checkpoints.loading import load_head
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.devices import choose_device
from zegclip_core.encoding import (
    EncodedImage,
    PreparedImage,
    encode_prepared,
    prepare_image,
    require_rgb,
)
from zegclip_core.engines.choice import set_engine
from zegclip_core.engines.precision import EngineWish
from zegclip_core.heads import SegmentationHead, best_words
from zegclip_core.labelling import (
    LabellingOptions,
    certainty,
    clean,
    compete,
    levels_of_winners,
    scale_up,
    softmax,
    working_size,
)
from zegclip_core.labels import Label, require_distinct_names
from zegclip_core.runs import Runs
from zegclip_core.segmentation import Segmentation
from zegclip_core.text_bank import TextBank
from zegclip_core.windows import plan_windows, stitch

# What stands behind the labels for a model without a learned "none of these" (Wang et al., SCLIP, ECCV 2024).
BACKGROUND_WORDS = (
    "background",
    "sky",
    "wall",
    "tree",
    "grass",
    "road",
    "water",
    "mountain",
    "building",
    "floor",
    "ceiling",
    "window",
    "door",
    "ground",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterOptions:
    """How a segmenter looks at images.

    Attributes:
        long_side: longer side in pixels of a whole image before the model; None takes the model's own.
        background_words: words that compete without being painted, for models without a learned "none";
            those that are labels themselves are left out.
        labelling: from probabilities to masks.

    """

    long_side: int | None = None
    background_words: tuple[str, ...] = BACKGROUND_WORDS
    labelling: LabellingOptions = field(default_factory=LabellingOptions)


class Segmenter:
    """Paints images with the labels it is given; safe to call from several threads, one forward at a time.

    Args:
        head: scores words on patches.
        text_bank: turns labels into text features.
        model_version: what predictions carry, such as `zegclip-mini@4`.
        options: how it looks at images.

    """

    def __init__(
        self,
        *,
        head: SegmentationHead,
        text_bank: TextBank,
        model_version: str,
        options: SegmenterOptions | None = None,
    ) -> None:
        self.head = head
        self.text_bank = text_bank
        self.model_version = model_version
        self.options = options or SegmenterOptions()
        self._forward = threading.Lock()

    def segment(self, image: NDArray[np.uint8], labels: Sequence[Label]) -> Segmentation:
        """Paint an image (H, W, 3) uint8 with labels; errors as for `encode` and `classify`."""
        return self.classify(self.encode(image), labels)

    def encode(self, image: NDArray[np.uint8]) -> EncodedImage:
        """Run the tower over an image (H, W, 3) uint8, any size; raises `ShapeError` for other arrays."""
        # One window at a time: on a CPU a batch is no faster.
        return self.encode_prepared([self.prepare(image)], batch_size=1)[0]

    def prepare(self, image: NDArray[np.uint8]) -> PreparedImage:
        """Bring an image (H, W, 3) uint8 to the tower's size, beside whatever the tower does; as `encode`."""
        require_rgb(image)
        height, width = image.shape[:2]
        plan = plan_windows(height, width, self.head.backbone.sizes, long_side=self.options.long_side)
        return prepare_image(image, plan, working_size(height, width, self.options.labelling.working_side))

    def encode_prepared(self, prepared: Sequence[PreparedImage], *, batch_size: int) -> list[EncodedImage]:
        """Run the tower over prepared images, as `zegclip_core.encoding.encode_prepared` says."""
        with self._forward:
            return encode_prepared(self.head, prepared, batch_size=batch_size)

    def classify(self, encoded: EncodedImage, labels: Sequence[Label]) -> Segmentation:
        """Ask labels of an encoded image.

        Raises `LabelError` when there is no label, when names repeat or when a label has no words.
        """
        require_distinct_names(labels)
        started = time.perf_counter()
        classes, painted = self._classes(labels)
        logits = self._class_logits(encoded, classes)
        scored = time.perf_counter()
        options = self.options.labelling
        probabilities = softmax(logits)
        winner, best = compete(logits, encoded.edges, options=options)
        numbers = np.concatenate([painted, np.zeros(len(logits) - len(painted), np.uint16)])
        winner, runs = clean(_leave_unpainted(winner, best, numbers, options.threshold), options)
        label_map = runs.fill(numbers[runs.labels])
        region_scores = _mean_inside(runs, numbers, best)
        if winner.shape != encoded.size:
            label_map = np.take(numbers, scale_up(winner, levels_of_winners(winner, best), *encoded.size))
        ended = time.perf_counter()
        return Segmentation(
            label_map=label_map,
            confidence=best,
            region_scores=region_scores,
            certainty=certainty(probabilities),
            timings={"encode": encoded.seconds, "head": scored - started, "refine": ended - scored},
        )

    def patch_logits(self, encoded: EncodedImage, labels: Sequence[Label]) -> NDArray[np.float32]:
        """Score every patch: the labels in their order, then what competes without being painted.

        Returns (C, h, w) on the scale that softmax needs; errors as for `classify`.
        """
        require_distinct_names(labels)
        return self._class_logits(encoded, self._classes(labels)[0])

    def _classes(self, labels: Sequence[Label]) -> tuple[list[Label], NDArray[np.uint16]]:
        """Labels plus background words, and the number that each paints (0 = nothing)."""
        classes = list(labels)
        painted = [0 if label.is_background else number for number, label in enumerate(labels, start=1)]
        if self.head.none_logit is None:
            taken = {word.lower() for label in labels for word in label.prompts}
            words = [word for word in self.options.background_words if word.lower() not in taken]
            classes += [
                Label(name=f"background: {word}", prompts=(word,), is_background=True) for word in words
            ]
            painted += [0] * len(words)
        return classes, np.array(painted, np.uint16)

    def _class_logits(self, encoded: EncodedImage, classes: Sequence[Label]) -> NDArray[np.float32]:
        """Scores (C, h, w) on the stitched patch grid, the best synonym for each class; "none" comes last."""
        with self._forward, torch.inference_mode():
            text, owners = self.text_bank.embed(classes)
            parts = [
                best_words(self.head.logits(features, text), owners, len(classes))[0]
                for features in encoded.features
            ]
            stitched = stitch(encoded.plan, parts, stride=self.head.backbone.stride)
            if self.head.none_logit is not None:
                none = stitched.new_full((1, *stitched.shape[1:]), self.head.none_logit)
                stitched = torch.cat((stitched, none))
            logits: NDArray[np.float32] = stitched.float().cpu().numpy()
        return logits


def build_segmenter(
    notation: str,
    *,
    cache_dir: Path | None = None,
    device: str = "auto",
    options: SegmenterOptions | None = None,
    engine: EngineWish = "torch",
    show_progress: bool = False,
) -> Segmenter:
    """Load a model by its notation and make it ready to paint.

    Args:
        notation: `zegclip-mini`, `zegclip-mini-decoder`, `ARCH/PRETRAINED`, or the path of a checkpoint, such
            as the folder of a trained ZegCLIP.
        cache_dir: where weights and text features are kept.
        device: auto, cpu, cuda or cuda:0.
        options: how images are looked at.
        engine: what computes the image tower; see `set_engine`.
        show_progress: whether downloads draw a progress bar.

    Raises `ModelError` and its kinds, `DeviceError` and `EngineError`, with a message that tells the cure.

    """
    head = _load_head(
        parse_notation(notation),
        cache_dir=cache_dir,
        device=choose_device(device),
        show_progress=show_progress,
    )
    set_engine(head, engine, cache_dir=cache_dir)
    return Segmenter(
        head=head,
        text_bank=TextBank(backbone=head.backbone, cache_dir=cache_dir / "text" if cache_dir else None),
        model_version=head.backbone.model_version,
        options=options,
    )


def _load_head(
    spec: BackboneSpec, *, cache_dir: Path | None, device: torch.device, show_progress: bool
) -> SegmentationHead:
    """A trained ZegCLIP where the notation is the folder of one, else zero-shot on the backbone."""
    if spec.path is not None and is_checkpoint(spec.path):
        return load_head(spec.path, cache_dir=cache_dir, device=device, show_progress=show_progress)
    backbone = load_backbone(spec, cache_dir=cache_dir, device=device, show_progress=show_progress)
    return DenseZeroShotHead(backbone=backbone)


def _leave_unpainted(
    winner: NDArray[np.uint16], best: NDArray[np.float32], numbers: NDArray[np.uint16], threshold: float
) -> NDArray[np.uint16]:
    """Where the best class is too improbable, let one that paints nothing win, if there is one."""
    nothing = np.flatnonzero(numbers == 0)
    if threshold > 0 and nothing.size:
        winner = np.where(best < threshold, np.uint16(nothing[-1]), winner)
    return winner


def _mean_inside(
    runs: Runs, numbers: NDArray[np.uint16], confidence: NDArray[np.float32]
) -> dict[int, float]:
    labels = numbers[runs.labels]
    sums, areas = np.bincount(labels, runs.sums(confidence)), np.bincount(labels, runs.lengths)
    return {int(n): float(sums[n] / areas[n]) for n in np.flatnonzero(areas) if n > 0}
