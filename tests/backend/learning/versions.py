"""Versions to publish in tests."""

from pathlib import Path
from typing import Any

from backend.learning.project_folder import ProjectFolder
from training.registry.manifest import VersionFacts


def facts(run: str = "run", **changed: Any) -> VersionFacts:
    values: dict[str, Any] = {
        "run": run,
        "created_at": 1.0,
        "base": "zegclip-mini@4",
        "parent": None,
        "labels": {"cat": ("cat", "kitten"), "sofa": ("sofa",)},
        "seen": ("cat",),
        "corrections": 20,
        "holdout": 4,
        "iou": {"cat": 60.0, "sofa": None},
        "champion_iou": {"cat": 50.0, "sofa": None},
        "promoted": True,
        "reason": "mIoU 50.0 → 60.0",
    }
    return VersionFacts(**(values | changed))


def publish(folder: ProjectFolder, scratch: Path, *, promote: bool = True, **changed: Any) -> int:
    """Publish a version whose model is a text file, and promote it."""
    model = scratch / "model"
    model.mkdir(exist_ok=True)
    (model / "weights.txt").write_text("weights")
    run = changed.pop("run", f"run {len(folder.registry.numbers())}")
    version = folder.registry.publish(model, facts(run, **changed), still_valid=lambda: None)
    if promote:
        folder.registry.promote(version.number, why="better")
    return version.number
