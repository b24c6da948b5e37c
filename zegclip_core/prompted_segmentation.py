"""From an encoded image, labels and prompts to masks of the prompted labels."""

import time
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from zegclip_core.encoding import EncodedImage
from zegclip_core.labelling import scale_up
from zegclip_core.labels import Label
from zegclip_core.prompting import PromptingOptions, Prompts, prompted_probability
from zegclip_core.segmentation import Segmentation
from zegclip_core.segmenter import Segmenter
from zegclip_core.windows import stitch

_CONNECTIVITY = 8
_LEVELS = 255
# A component that no prompt touches and that is smaller than this share of the image is a speck.
_SPECK = 0.0005


def segment_prompts(
    segmenter: Segmenter,
    encoded: EncodedImage,
    labels: Sequence[Label],
    prompts: Mapping[int, Prompts],
    *,
    whole_class: bool = False,
    options: PromptingOptions | None = None,
) -> Segmentation:
    """Paint the labels that a person has pointed at, and no others.

    Args:
        segmenter: scores the labels on the patches.
        encoded: the image.
        labels: all labels of the project; those without prompts compete without being painted.
        prompts: by the label's number, counted from 1; what shows one label does not show the others.
        whole_class: paint the label wherever it is, and not only what is connected with a positive prompt.
        options: how far a prompt reaches.

    Returns a segmentation whose label map has the prompted labels' numbers; `certainty` is the mean
    confidence of the regions. Errors as for `Segmenter.classify`.

    """
    started = time.perf_counter()
    options = options or PromptingOptions()
    logits = segmenter.patch_logits(encoded, labels)
    features = patch_features(encoded, segmenter.head.backbone.stride)
    scored = time.perf_counter()
    height, width = encoded.image.shape[:2]
    winner = np.zeros((height, width), np.uint16)
    best = np.full((height, width), 0.5, np.float32)
    kept = dict[int, NDArray[np.uint8]]()
    for number, own in sorted(prompts.items()):
        rivals = [other.positive for rival, other in prompts.items() if rival != number]
        everything = Prompts(
            positive=own.positive, negative=np.concatenate([own.negative, *rivals]), limit=own.limit
        )
        probability = prompted_probability(
            features,
            logits,
            number - 1,
            encoded.image,
            everything,
            options=options,
            guided=encoded.edges.filter(options.guided_filter),
        )
        inside = keep_components(probability > best, own, whole_class=whole_class)
        winner[inside] = number
        best[inside] = probability[inside]
        kept[number] = (probability * _LEVELS).round().astype(np.uint8)
    kept[0] = (
        _LEVELS - np.max(np.stack(list(kept.values())), axis=0) if kept else np.zeros_like(winner, np.uint8)
    )
    scores = {number: float(best[winner == number].mean()) for number in prompts if (winner == number).any()}
    label_map = winner if winner.shape == encoded.size else scale_up(winner, kept, *encoded.size)
    return Segmentation(
        label_map=label_map,
        confidence=best,
        region_scores=scores,
        certainty=float(np.mean(list(scores.values()))) if scores else 0.0,
        timings={
            "encode": encoded.seconds,
            "head": scored - started,
            "refine": time.perf_counter() - scored,
        },
    )


def best_label(segmenter: Segmenter, encoded: EncodedImage, labels: Sequence[Label], prompts: Prompts) -> int:
    """Return the number, from 1, of the label that the words see most at the prompts."""
    logits = segmenter.patch_logits(encoded, labels)[: len(labels)]
    height, width = logits.shape[1:]
    weights = np.zeros((height, width), np.float32)
    for x, y in np.clip(prompts.positive, 0.0, 1.0):
        weights[min(int(y * height), height - 1), min(int(x * width), width - 1)] += 1
    if not weights.any() and prompts.limit is not None:
        weights = cv2.resize(prompts.limit.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return int(np.argmax((logits * weights).sum(axis=(1, 2)))) + 1


def patch_features(encoded: EncodedImage, stride: int) -> NDArray[np.float32]:
    """Return the features (D, h, w), unit length along D, of an image that was seen in windows."""
    stitched = stitch(encoded.plan, [features.patches[0] for features in encoded.features], stride=stride)
    unit = stitched / stitched.norm(dim=0, keepdim=True).clamp_min(1e-6)
    features: NDArray[np.float32] = unit.float().cpu().numpy()
    return features


def keep_components(mask: NDArray[np.bool_], prompts: Prompts, *, whole_class: bool) -> NDArray[np.bool_]:
    """Leave out what no prompt speaks for.

    Args:
        mask: (H, W).
        prompts: components with a positive place of theirs stay; with a limit and no place, all do.
        whole_class: keep the other components too, unless they are specks.

    """
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=_CONNECTIVITY
    )
    stays = np.zeros(count, np.bool_)
    if whole_class or not len(prompts.positive):
        stays = statistics[:, cv2.CC_STAT_AREA] >= _SPECK * mask.size
    height, width = mask.shape
    columns = np.clip((prompts.positive[:, 0] * width).astype(np.intp), 0, width - 1)
    rows = np.clip((prompts.positive[:, 1] * height).astype(np.intp), 0, height - 1)
    stays[numbers[rows, columns]] = True
    stays[0] = False
    kept: NDArray[np.bool_] = stays[numbers]
    return kept
