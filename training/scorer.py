"""From a photograph to the class of every pixel, the way benchmarks count it: no refinement, no cleaning."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.looks import plan_look
from training.setting_groups import EvaluationSettings
from zegclip_core.adaptation.head import AdaptedHead
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.encoding import image_pixels, resize_image
from zegclip_core.heads import best_words
from zegclip_core.labels import Label
from zegclip_core.segmenter import Segmenter
from zegclip_core.windows import Window


class ClassScorer:
    """Lets classes compete on whole photographs.

    Probabilities are sigmoids for ZegCLIP, whose head lowers those of seen classes itself, and softmax for
    heads whose classes exclude each other; where windows overlap they are averaged pixel by pixel.

    Args:
        segmenter: model and text features.
        classes: what competes; a class with several words takes the best one.
        settings: how images are looked at; as predictions do without.
        with_none: whether "none of the classes" competes too, as the place after the last class.

    """

    def __init__(
        self,
        *,
        segmenter: Segmenter,
        classes: Sequence[Label],
        settings: EvaluationSettings | None = None,
        with_none: bool = False,
    ) -> None:
        self.head = segmenter.head
        self.settings = settings
        self.with_none = with_none
        self.count = len(classes)
        competitors = [*classes, *(_background_labels(segmenter, classes) if with_none else [])]
        self.text, self.owners = segmenter.text_bank.embed(competitors)
        self.competitors = len(competitors)

    @torch.inference_mode()
    def predict(self, image: NDArray[np.uint8], *, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
        """Return the winning place of every pixel (H, W) of a photograph (H, W, 3).

        Args:
            image: the photograph.
            size: height and width of the result; the photograph's own when None.

        """
        height, width = image.shape[:2]
        plan = plan_look(height, width, self.head.backbone.sizes, self.settings)
        resized = resize_image(image, plan.height, plan.width)
        pixels = self.head.backbone.normalise(image_pixels(resized).unsqueeze(0))
        wanted = size or (height, width)
        if len(plan.windows) == 1:
            scores = self._scores(pixels, wanted)
        else:
            scores = self._slide(pixels, plan.windows)
            scores = F.interpolate(scores, size=wanted, mode="bilinear", align_corners=False)
        winner: NDArray[np.int64] = scores[0].argmax(dim=0).cpu().numpy()
        return np.minimum(winner, self.count)

    def _slide(self, pixels: Tensor, windows: Sequence[Window]) -> Tensor:
        """Average the scores (1, C, H, W) of windows."""
        rows = self.competitors + int(self._has_none_logit)
        total = pixels.new_zeros(1, rows, *pixels.shape[-2:])
        visits = pixels.new_zeros(1, 1, *pixels.shape[-2:])
        for window in windows:
            place = (
                ...,
                slice(window.top, window.top + window.height),
                slice(window.left, window.left + window.width),
            )
            total[place] += self._scores(pixels[place], (window.height, window.width))
            visits[place] += 1
        return total / visits

    def _scores(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the scores (1, C, H, W) of one window, at the given size."""
        words = self.head.logits(self.head.encode(pixels), self.text)
        logits = best_words(words, self.owners, self.competitors)
        if self._has_none_logit:
            none = logits.new_full((1, 1, *logits.shape[-2:]), self.head.none_logit or 0.0)
            logits = torch.cat((logits, none), dim=1)
        wide = F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)
        exclusive = isinstance(self.head, DenseZeroShotHead | AdaptedHead)
        return wide.softmax(dim=1) if exclusive else wide.sigmoid()

    @property
    def _has_none_logit(self) -> bool:
        return self.with_none and self.head.none_logit is not None


def _background_labels(segmenter: Segmenter, classes: Sequence[Label]) -> list[Label]:
    """Words that stand for the background with models that have learned no "none of these"."""
    if segmenter.head.none_logit is not None:
        return []
    taken = {word.lower() for one in classes for word in one.prompts}
    words = [word for word in segmenter.options.background_words if word.lower() not in taken]
    return [Label(name=f"background: {word}", prompts=(word,), is_background=True) for word in words]
