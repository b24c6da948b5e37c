"""Compact checkpoints: a folder with what was learned, and a manifest that tells all about it.

folder/manifest.json         facts, and the SHA-256 of the weights
folder/weights.safetensors   prompts, descriptor and decoder (and tuned blocks), float32 or float16
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from zegclip_core.backbones.notation import CHECKPOINT_MANIFEST
from zegclip_core.checkpoints.facts import CheckpointFacts, facts_from_json, facts_to_json
from zegclip_core.errors import CheckpointDamagedError, CheckpointError, CheckpointWriteError
from zegclip_core.zegclip.model import ZegCLIP

MANIFEST_FILE = CHECKPOINT_MANIFEST
WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class CompactCheckpoint:
    """A checkpoint that has been read and verified.

    Attributes:
        folder: where it lies.
        facts: what it says of itself.
        digest: SHA-256 of its weights.
        weights: learned tensors by `ZegCLIP`'s names.

    """

    folder: Path
    facts: CheckpointFacts
    digest: str
    weights: Mapping[str, Tensor]


def is_checkpoint(path: Path) -> bool:
    """Whether a path is the folder of a compact checkpoint."""
    return (path / MANIFEST_FILE).is_file() and (path / WEIGHTS_FILE).is_file()


def learned_tensors(model: ZegCLIP) -> dict[str, Tensor]:
    """Return what training has changed, on the CPU in float32, by name."""
    return {
        name: one.detach().to("cpu", copy=True).float().contiguous()
        for name, one in model.learned_parameters()
    }


def save_checkpoint(
    folder: Path,
    model: ZegCLIP,
    facts: CheckpointFacts,
    *,
    beside: Mapping[str, bytes] | None = None,
    half_precision: bool = False,
) -> str:
    """Write a checkpoint, whole or not at all; an older checkpoint in the folder is replaced.

    Args:
        folder: where it goes; its parents are made.
        model: its learned parameters are written.
        facts: what the manifest says.
        beside: further files by their path in the folder, such as a backbone that travels along.
        half_precision: store float16, half the size; whoever loads it computes in float32.

    Returns the SHA-256 of the weights. Raises `CheckpointWriteError` when the disk is full, the place cannot
    be written or holds something else.

    """
    if folder.exists() and not _may_be_replaced(folder):
        raise CheckpointWriteError(f"{folder} is a file or holds other files: give a new folder")
    learned = learned_tensors(model)
    weights = save({name: one.half() for name, one in learned.items()} if half_precision else learned)
    digest = hashlib.sha256(weights).hexdigest()
    entry = {"file": WEIGHTS_FILE, "sha256": digest, "bytes": len(weights)}
    manifest = json.dumps({**facts_to_json(facts), "weights": entry}, indent=1, ensure_ascii=False)
    files = {WEIGHTS_FILE: weights, MANIFEST_FILE: manifest.encode(), **(beside or {})}
    try:
        _write_folder(folder, files)
    except OSError as error:
        raise CheckpointWriteError(
            f"{folder} cannot be written ({error.strerror or error}): make room or choose another place; "
            "nothing was changed"
        ) from error
    return digest


def read_checkpoint(folder: Path) -> CompactCheckpoint:
    """Read a checkpoint and verify its weights.

    Raises `CheckpointError` when there is none or its format is not this one, `CheckpointDamagedError` when
    the weights are not the ones that the manifest was written for.
    """
    facts, entry = _read_manifest(folder)
    try:
        content = (folder / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        raise CheckpointDamagedError(f"{folder / WEIGHTS_FILE} cannot be read ({error.strerror})") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.get("sha256"):
        raise CheckpointDamagedError(
            f"{folder / WEIGHTS_FILE} has been altered: its SHA-256 is {digest}, the manifest says "
            f"{entry.get('sha256')}. Copy it again from where it came, or train it again"
        )
    try:
        weights = load(content)
    except SafetensorError as error:
        raise CheckpointDamagedError(f"{folder / WEIGHTS_FILE} is no safetensors file: {error}") from error
    return CompactCheckpoint(folder=folder, facts=facts, digest=digest, weights=weights)


def read_facts(folder: Path) -> CheckpointFacts:
    """Return what a checkpoint says of itself; its weights are neither read nor verified.

    Raises `CheckpointError` and its kinds as `read_checkpoint` does for a manifest.
    """
    return _read_manifest(folder)[0]


def _read_manifest(folder: Path) -> tuple[CheckpointFacts, Mapping[str, Any]]:
    path = folder / MANIFEST_FILE
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"no checkpoint in {folder}: there is no {MANIFEST_FILE}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointDamagedError(f"{path} cannot be read: {error}") from error
    try:
        facts = facts_from_json(document)
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
    entry = document.get("weights")
    return facts, entry if isinstance(entry, dict) else {}


def _may_be_replaced(folder: Path) -> bool:
    return folder.is_dir() and (is_checkpoint(folder) or not any(folder.iterdir()))


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files beside the folder, flush them to the disk, then put them in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    try:
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        staging.chmod(0o755)
        _swap(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap(staging: Path, folder: Path) -> None:
    """Put a finished folder into its place; the one that was there is put back when that fails."""
    if not folder.exists():
        staging.replace(folder)
        return
    old = staging.with_suffix(".old")
    folder.replace(old)
    try:
        staging.replace(folder)
    except OSError:
        old.replace(folder)
        raise
    shutil.rmtree(old)
