"""Engines are checked on a hold-out, calibrated outside of it, and the result is found by `set_engine`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fast_extra import require_fast_extra
from tests.tiny_clip import ARCHITECTURE, tiny_backbone
from training.dataset_description import DatasetDescription
from training.engine_check import calibration_ids, check_engines
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.engines.checks import engine_folder, read_checks
from zegclip_core.engines.precision import PRECISIONS
from zegclip_core.segmenter import Segmenter
from zegclip_core.text_bank import TextBank


def data_set(root: Path, **splits: list[str]) -> DatasetDescription:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks", "splits"):
        (root / folder).mkdir()
    for name in {one for ids in splits.values() for one in ids}:
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).save(root / "images" / f"{name}.png")
        Image.fromarray(rng.integers(0, 2, (48, 64), np.uint8) + 1).save(root / "masks" / f"{name}.png")
    for split, ids in splits.items():
        (root / "splits" / split).write_text("\n".join(ids))
    classes = [{"index": n, "name": name, "prompts": [name]} for n, name in ((1, "cat"), (2, "dog"))]
    document = {"name": "own", "image_suffix": ".png", "classes": classes}
    document["splits"] = {split: f"splits/{split}" for split in splits}
    (root / "dataset.json").write_text(json.dumps(document))
    return DatasetDescription.load(root)


def test_images_to_calibrate_on_lie_outside_the_hold_out(tmp_path: Path) -> None:
    description = data_set(tmp_path, val=["a", "b"], train=["b", "c", "d"])
    assert calibration_ids(description, "val") == ["c", "d"]


def test_a_data_set_of_one_split_is_calibrated_on_itself(tmp_path: Path) -> None:
    assert calibration_ids(data_set(tmp_path, val=["a", "b"]), "val") == ["a", "b"]


@pytest.mark.slow
def test_every_precision_is_scored_timed_and_kept(tmp_path: Path) -> None:
    require_fast_extra()
    (tmp_path / "data").mkdir()
    description = data_set(tmp_path / "data", val=["a", "b"], train=["c"])
    vision = ARCHITECTURE["vision_cfg"] | {"layers": 1}
    head = DenseZeroShotHead(backbone=tiny_backbone(none_cosine=0.4, vision_cfg=vision))
    segmenter = Segmenter(head=head, text_bank=TextBank(backbone=head.backbone), model_version="tiny@1")
    steps: list[str] = []
    checks = check_engines(segmenter, description, "val", cache_dir=tmp_path, progress=steps.append)
    assert [check.precision for check in checks] == list(PRECISIONS)
    assert checks[0].loss == pytest.approx(0, abs=0.2)
    assert all(check.images == 2 and check.dataset == "own/val" and check.ratio > 0 for check in checks)
    assert head.tower.engine is None
    assert read_checks(engine_folder(tmp_path, head.encoding_digest)) == checks
    assert "converting to int8" in steps
