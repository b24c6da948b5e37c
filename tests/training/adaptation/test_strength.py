"""How much of what was learned is kept."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_clip import tiny_backbone
from tests.training.tiny import CAT, DOG, SOFA, halves, write_dataset
from training.adaptation.run import adapt
from training.adaptation.settings import AdaptationSettings
from training.adaptation.strength import Tried, choose
from training.dataset_description import DatasetDescription
from zegclip_core.adaptation.files import adaptation_manifest, load_adaptation

BASE = Tried(0.0, 40.0, {"sofa": 1.0})


def test_the_strength_that_serves_the_holdout_best_is_kept() -> None:
    half, whole = Tried(0.5, 45.0, {"sofa": 0.9}), Tried(1.0, 42.0, {"sofa": 0.8})
    assert choose([BASE, half, whole], smallest_kept=0.7) is half


def test_no_label_without_corrections_pays_for_it() -> None:
    half, whole = Tried(0.5, 45.0, {"sofa": 0.8, "cup": 0.75}), Tried(1.0, 60.0, {"sofa": 0.9, "cup": 0.6})
    assert choose([BASE, half, whole], smallest_kept=0.7) is half


def test_what_teaches_nothing_is_not_kept() -> None:
    assert choose([BASE, Tried(0.5, 40.0, {}), Tried(1.0, 39.0, {})], smallest_kept=0.7) is BASE


@pytest.fixture
def description(tmp_path: Path) -> DatasetDescription:
    """Two corrected pictures, one without correction, and hold-outs that agree with them or not."""
    masks = [halves(CAT, DOG), halves(DOG, CAT), np.full((64, 64), SOFA)]
    description = write_dataset(tmp_path / "data", masks=masks)
    folder = description.root
    shutil.copyfile(folder / "images" / "picture0.png", folder / "images" / "contradicting.png")
    shutil.copyfile(folder / "masks" / "picture1.png", folder / "masks" / "contradicting.png")
    for name in ("picture0", "contradicting"):
        (folder / "splits" / f"{name}.txt").write_text(f"{name}\n")
    splits = {**description.splits, "agreeing": "splits/picture0.txt"}
    splits["contradicting"] = "splits/contradicting.txt"
    description = replace(description, splits=splits)
    description.save()
    return description


def test_of_a_real_run_only_what_serves_the_holdout_is_saved(
    tmp_path: Path, description: DatasetDescription
) -> None:
    backbone = tiny_backbone(none_cosine=-1.0)

    def run(out: str, holdout: str | None) -> tuple[float, torch.Tensor]:
        trained = adapt(
            AdaptationSettings(iterations=40, images=2, hidden=4, learning_rate=0.02, smallest_kept=0.0),
            model="tiny",
            dataset=description.root,
            split="train",
            holdout=holdout,
            out=tmp_path / out,
            cache_dir=tmp_path / "cache",
            backbone=backbone,
        )
        manifest = adaptation_manifest(trained.folder)
        assert manifest is not None
        assert manifest["recipe"]["strength"] == trained.strength
        return trained.strength, load_adaptation(trained.folder, manifest, backbone).biases.detach()

    everything, learned = run("whole", None)
    more, kept = run("agreeing", "agreeing")
    less, rest = run("contradicting", "contradicting")
    assert everything == 1.0
    assert less < more
    torch.testing.assert_close(kept, more * learned)
    torch.testing.assert_close(rest, less * learned)
