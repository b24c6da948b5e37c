"""Features of strings in a run's folder, so that an interrupted run does not compute them again."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor
from tqdm import tqdm

from training.pretrain.text_targets import Embed
from zegclip_core.atomic_files import write_atomically

_AT_ONCE = 64


class KeptFeatures:
    """Computes what is missing and keeps it.

    Args:
        folder: where the file lies.
        embed: computes features.
        source: names what computes them; features of another source are not taken over.

    """

    def __init__(self, folder: Path, embed: Embed, *, source: str) -> None:
        self._path = folder / f"features-{source[:12]}.safetensors"
        self._embed = embed

    def features(self, words: Sequence[str], templates: Sequence[str]) -> dict[str, Tensor]:
        """Return the feature (D,) of every word, the mean over the templates."""
        kept = self._read()
        marks = {word: "\n".join([word, *templates]) for word in words}
        # Words of one length together need little padding.
        missing = sorted(
            (word for word in marks if marks[word] not in kept), key=lambda word: (len(word), word)
        )
        batches = range(0, len(missing), _AT_ONCE)
        for first in tqdm(batches, desc="features", unit="batch", leave=False, disable=not missing):
            batch = missing[first : first + _AT_ONCE]
            kept |= dict(zip((marks[word] for word in batch), self._embed(batch, templates), strict=True))
        if missing:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            features = {"features": torch.stack(list(kept.values()))}
            write_atomically(self._path, save(features, metadata={"strings": json.dumps(list(kept))}))
        return {word: kept[mark] for word, mark in marks.items()}

    def _read(self) -> dict[str, Tensor]:
        if not self._path.is_file():
            return {}
        with safe_open(self._path, framework="pt") as file:
            strings = json.loads(file.metadata()["strings"])
            return dict(zip(strings, file.get_tensor("features"), strict=True))
