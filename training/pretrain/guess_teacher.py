"""A classifier's guesses, as words, for what no mask names: they keep words alive that have no masks."""

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor

from training.label_mapping import IGNORED
from training.pretrain.classifier import Classifier, guesses
from training.pretrain.start_sums import ClassWords


class GuessTeacher:
    """Teaches cells without a word what a classifier for ImageNet takes them for.

    Args:
        classifier: gives class logits for every cell, on the same pixel scale as the tower.
        words: what its classes mean; those that are withheld are never guessed.
        temperature: divides the classifier's logits; above 1 spreads its guesses.

    """

    def __init__(self, *, classifier: Classifier, words: ClassWords, temperature: float) -> None:
        self._classifier = classifier
        self._words = words
        self._temperature = temperature

    @property
    def never_guessed(self) -> int:
        """How many of the classifier's classes are withheld."""
        return int(self._words.withheld.sum())

    @property
    def identity(self) -> str:
        """Tells two teachers apart."""
        digest = hashlib.sha256(f"{self._temperature} {self._words.withheld.tolist()}".encode())
        for tensor in (self._words.features, *self._classifier.state_dict().values()):
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()

    def loss(self, features: Tensor, images: Tensor, cells: Tensor, scale: Tensor) -> Tensor:
        """Return the cross-entropy of cells without a word against the classifier's guesses.

        Args:
            features: (B, D, h, w), unit length.
            images: (B, 3, H, W), normalised.
            cells: (B, h, w), `IGNORED` where no mask gives a word.
            scale: factor from cosine to logit.

        """
        chosen = cells == IGNORED
        if not chosen.any():
            return features.new_zeros(())
        _, logits = self._classifier(images)
        # Made in inference mode, which autograd must not keep.
        wanted = guesses(logits, temperature=self._temperature, withheld=self._words.withheld).clone()
        vectors = features.permute(0, 2, 3, 1)[chosen]
        scores = scale * vectors @ self._words.features.T
        scores = scores.masked_fill(self._words.withheld, -torch.inf)
        chances = F.log_softmax(scores, dim=1).masked_fill(self._words.withheld, 0.0)
        loss: Tensor = -(wanted.permute(0, 2, 3, 1)[chosen] * chances).sum(dim=1).mean()
        return loss
