"""Text features of a label set on disk: found again by everything they depend on, never trusted blindly."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from zegclip_core.atomic_files import write_atomically

_LOG = logging.getLogger(__name__)
_FORMAT = 1
_TENSOR = "text_features"


class TextFeaturesCache:
    """A folder of safetensors files, one for each backbone, set of templates and set of words.

    A file that is damaged, cut short or of other words counts as missing. A folder that cannot be written to
    costs time, not results: the failure is logged and work goes on.
    """

    def __init__(self, folder: Path, *, backbone_digest: str, templates: Sequence[str]) -> None:
        self.folder = folder
        self._source = [_FORMAT, backbone_digest, list(templates)]

    def path(self, words: Sequence[str]) -> Path:
        """Return the file that the features of these words, in this order, are kept in."""
        key = json.dumps([*self._source, list(words)])
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.safetensors"

    def has(self, words: Sequence[str]) -> bool:
        """Whether there is a file for these words, sound or not."""
        return self.path(words).is_file()

    def read(self, words: Sequence[str], dimensions: int) -> NDArray[np.float32] | None:
        """Return the words' features (N, dimensions), or None when they are not there or not sound."""
        path = self.path(words)
        if not self.has(words):
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                expected = (file.metadata() or {}).get("sha256")
                features = np.asarray(file.get_tensor(_TENSOR))
        except (OSError, SafetensorError) as error:
            _LOG.warning("text features in %s cannot be read and are computed again: %s", path, error)
            return None
        right_kind = features.shape == (len(words), dimensions) and features.dtype == np.float32
        if not right_kind or expected != _digest(features):
            _LOG.warning("text features in %s are damaged and are computed again", path)
            return None
        return features

    def write(self, words: Sequence[str], features: NDArray[np.float32]) -> None:
        """Keep features (N, D); readers see the whole file or none."""
        content = save({_TENSOR: features}, metadata={"sha256": _digest(features)})
        try:
            write_atomically(self.path(words), content)
        except OSError as error:
            _LOG.warning("text features cannot be kept in %s: %s", self.folder, error)


def _digest(features: NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(features).tobytes()).hexdigest()
