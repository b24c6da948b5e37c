"""What the hold-out says of a version, on PyTorch and on a faster engine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backend.learning import holdout as module
from backend.learning.dataset_export import TRAIN, ExportedDataset
from backend.learning.holdout import Holdout
from zegclip_core.labels import Label

MODEL = Path("version")


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, float | None]]:
    """IoU by label that an engine is said to reach; `auto` is the fastest one in it."""
    by_engine: dict[str, dict[str, float | None]] = {"torch": {"cat": 60.0, "dog": None, "sofa": 70.0}}

    def build(notation: str, *, engine: str, **_: object) -> object:
        name = "torch" if engine == "torch" else list(by_engine)[-1]
        return SimpleNamespace(head=SimpleNamespace(tower=SimpleNamespace(engine_name=name)))

    def evaluate(segmenter: Any, *_: object, **__: object) -> object:
        figures = by_engine[segmenter.head.tower.engine_name]
        return SimpleNamespace(to_document=lambda: {"per_class": figures})

    monkeypatch.setattr(module, "build_segmenter", build)
    monkeypatch.setattr(module, "evaluate", evaluate)
    return by_engine


def holdout(images: int = 4) -> Holdout:
    labels = tuple(Label(name, (name,)) for name in ("cat", "dog", "sofa"))
    exported = ExportedDataset(cast("Any", None), labels, ("cat",), 10, images, 0)
    return Holdout(
        exported=exported, model="zegclip-mini", cache_dir=None, device="cpu", report=lambda _: None
    )


def test_a_version_is_scored_by_label(scores: dict[str, dict[str, float | None]]) -> None:
    assert holdout().score(MODEL) == {"cat": 60.0, "dog": None, "sofa": 70.0}
    assert holdout(images=0).score(MODEL) == {}


def test_the_loss_on_an_engine_is_that_of_the_mean(scores: dict[str, dict[str, float | None]]) -> None:
    scores["openvino int8"] = {"cat": 59.0, "dog": None, "sofa": 70.5}
    reference = holdout().score(MODEL)
    assert holdout().engine_losses(MODEL, reference, "auto") == {"openvino int8": 0.25}
    assert holdout().engine_losses(MODEL, reference, "torch") == {}


def test_without_a_faster_engine_or_a_hold_out_nothing_is_measured(
    scores: dict[str, dict[str, float | None]],
) -> None:
    assert holdout().engine_losses(MODEL, holdout().score(MODEL), "auto") == {}
    scores["openvino int8"] = {"cat": 59.0, "dog": None, "sofa": 70.5}
    assert holdout(images=0).engine_losses(MODEL, {}, "auto") == {}


def test_labels_without_corrections_are_watched_on_images_without_correction(
    scores: dict[str, dict[str, float | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def kept_labels(former: Any, new: Any, description: Any, **arguments: Any) -> dict[str, float]:
        asked.update(arguments)
        return {"dog": 0.25}

    monkeypatch.setattr(module, "kept_labels", kept_labels)
    splits = {TRAIN: ("corrected 1", "corrected 2", "other 1")}
    description = SimpleNamespace(ids=splits.__getitem__, unseen=("dog",))
    watched = ExportedDataset(cast("Any", description), (), ("cat",), train=2, holdout=1, unlabelled=1)
    one = Holdout(exported=watched, model="zegclip-mini", cache_dir=None, device="cpu", report=lambda _: None)
    assert one.kept(MODEL, None) == {"dog": 0.25}
    assert (asked["ids"], asked["names"]) == (("other 1",), ("dog",))
    assert holdout().kept(MODEL, None) == {}
