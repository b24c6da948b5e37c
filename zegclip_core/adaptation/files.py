"""Adaptations on disk: a folder of the same form as a compact checkpoint, with a format of its own.

folder/manifest.json         name, backbone, words, and the SHA-256 of the weights
folder/weights.safetensors   the adapter, offsets, biases, and the words' text features, float32
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from zegclip_core.adaptation.model import Adaptation
from zegclip_core.atomic_files import write_atomically
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.notation import CHECKPOINT_MANIFEST
from zegclip_core.checkpoints.facts import BackboneReference
from zegclip_core.errors import BackboneMismatchError, CheckpointDamagedError, CheckpointError

FORMAT = "zegclip-adaptation"
VERSION = 1
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationFacts:
    """Everything but the weights.

    Attributes:
        name: what predictions call the model.
        backbone: the CLIP it was learned on.
        sizes: how it looked at images while it learned.
        words: the known words, in the order of their offsets.
        hidden: channels inside the adapter.
        seen: names of labels that were learned from corrections.
        recipe: the settings it was trained with.

    """

    name: str
    backbone: BackboneReference
    sizes: InputSizes
    words: tuple[str, ...]
    hidden: int
    seen: tuple[str, ...]
    recipe: dict[str, Any]


def adaptation_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder that holds an adaptation, and None for any other folder.

    Raises `CheckpointError` for another version or missing entries.
    """
    try:
        document = json.loads((folder / CHECKPOINT_MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    if document.get("version") != VERSION:
        raise CheckpointError(
            f"{folder} has the format {FORMAT}, version {document.get('version')!r}; this program reads "
            f"version {VERSION}: update one of the two"
        )
    missing = {"backbone", "hidden", "weights", "words"} - set(document)
    if missing:
        raise CheckpointError(f"{folder}: the manifest lacks {', '.join(sorted(missing))}: train it again")
    return document


def adapted_sizes(folder: Path, manifest: Mapping[str, Any], base: Backbone) -> InputSizes:
    """Return how a model looked at images while it learned; one that does not say looks as its CLIP does.

    Raises `CheckpointError` for sizes that this program does not know.
    """
    if "sizes" not in manifest:
        return base.sizes
    try:
        return InputSizes(**manifest["sizes"])
    except TypeError as error:
        raise CheckpointError(f"{folder}: the manifest's sizes are odd ({error}): train it again") from error


def save_adaptation(folder: Path, adaptation: Adaptation, facts: AdaptationFacts) -> None:
    """Write an adaptation; the manifest comes last, so that a folder with one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: one.detach().cpu().float().contiguous() for name, one in adaptation.state_dict().items()}
    weights = save(state)
    write_atomically(folder / WEIGHTS_FILE, weights)
    document = {
        "format": FORMAT,
        "version": VERSION,
        **asdict(facts),
        "weights": {"file": WEIGHTS_FILE, "sha256": hashlib.sha256(weights).hexdigest()},
    }
    write_atomically(
        folder / CHECKPOINT_MANIFEST, json.dumps(document, indent=1, ensure_ascii=False).encode()
    )


def load_adaptation(folder: Path, manifest: Mapping[str, Any], base: Backbone) -> Adaptation:
    """Read the weights of an adaptation for a backbone; the manifest is that of `adaptation_manifest`.

    Raises `CheckpointError` when weights and manifest do not belong together, `CheckpointDamagedError` when
    the weights are not the ones of the manifest, `BackboneMismatchError` when it was learned on another
    backbone.
    """
    reference = manifest["backbone"]
    if base.digest != reference.get("digest") or base.none_cosine is None:
        raise BackboneMismatchError(
            f"{folder} was learned on {reference.get('notation')} with the SHA-256 "
            f"{str(reference.get('digest'))[:12]}…, but {base.name} here has {base.digest[:12]}…: bring back "
            "that backbone, or train on the present one"
        )
    content = (folder / WEIGHTS_FILE).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest["weights"].get("sha256"):
        raise CheckpointDamagedError(
            f"{folder / WEIGHTS_FILE} has been altered: its SHA-256 is not that of the manifest. "
            "Copy it again from where it came, or train it again"
        )
    try:
        state = load(content)
        adaptation = Adaptation(
            text=state["text"],
            logit_scale=base.logit_scale,
            none_cosine=base.none_cosine,
            hidden=int(manifest["hidden"]),
        )
        adaptation.load_state_dict(state)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{folder}: weights and manifest do not belong together ({error}): copy the whole folder again"
        ) from error
    return adaptation.to(base.device)
