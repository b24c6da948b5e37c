"""Predictions on their way into Label Studio: few calls, nothing twice, nothing silently left out."""

import logging
from typing import Any

import pytest

from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import ApiError, LabelStudioUnreachableError, TokenError
from backend.prediction_store import PredictionStore

VERSION = "zegclip-mini@4"


class LabelStudio(LabelStudioClient):
    """What the store asks of Label Studio, kept in memory; the real one is in test_prelabel.py."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.calls: list[int] = []
        self.refuses: set[int] = set()
        self.trouble: Exception | None = None
        self.stores_in_trouble = False

    def import_predictions(self, project: int, predictions: Any) -> int:
        self.calls.append(len(predictions))
        taken = [one["task"] for one in predictions if one["task"] not in self.refuses]
        if self.trouble is None or self.stores_in_trouble:
            self.stored += taken
        if self.trouble is not None:
            raise self.trouble
        return len(taken)

    def create_prediction(self, prediction: Any) -> None:
        if self.trouble is not None:
            raise self.trouble
        if prediction["task"] in self.refuses:
            raise ApiError("no such task", status=400)
        self.stored.append(prediction["task"])

    def versions_of_task(self, task: int) -> frozenset[str]:
        return frozenset({VERSION} if task in self.stored else ())


def prediction(task: int, *, numbers: int = 10) -> dict[str, Any]:
    region = {"value": {"rle": [0] * numbers}}
    return {"task": task, "result": [region], "score": 0.5, "model_version": VERSION}


@pytest.fixture
def label_studio() -> LabelStudio:
    return LabelStudio()


def store_for(label_studio: LabelStudio, *, seconds: float = 3600.0) -> PredictionStore:
    return PredictionStore(label_studio, 7, seconds=seconds, sleep=lambda _: None)


def test_the_first_predictions_are_seen_at_once_and_later_ones_come_together(
    label_studio: LabelStudio,
) -> None:
    store = store_for(label_studio)
    for task in range(10):
        store.add([prediction(task)])
    assert label_studio.calls == [1]
    store.store()
    assert label_studio.calls == [1, 9]
    assert (store.done, store.regions, label_studio.stored) == (10, 10, list(range(10)))


def test_nobody_waits_longer_than_the_time_set(label_studio: LabelStudio) -> None:
    store = store_for(label_studio, seconds=0.0)
    for task in range(3):
        store.add([prediction(task)])
    assert label_studio.calls == [1, 1, 1]


def test_a_call_holds_so_many_predictions_and_so_much_of_masks(label_studio: LabelStudio) -> None:
    store = store_for(label_studio)
    for task in range(33):
        store.add([prediction(task)])
    assert label_studio.calls == [1, 32]
    store.add([prediction(33, numbers=4_000_000)])
    assert label_studio.calls == [1, 32, 1]


def test_nothing_to_store_is_no_call(label_studio: LabelStudio) -> None:
    store = store_for(label_studio)
    store.add([])
    store.store()
    store.rescue()
    assert label_studio.calls == []


def test_a_refused_prediction_is_told_with_its_reason_and_the_others_are_stored_once(
    label_studio: LabelStudio,
) -> None:
    label_studio.refuses = {1}
    store = store_for(label_studio)
    store.add([prediction(task) for task in range(3)])
    assert label_studio.stored == [0, 2]
    assert (store.done, [(one.task, one.kind, one.message) for one in store.refused]) == (
        2,
        [(1, "refused", "no such task")],
    )


def test_after_an_outage_each_is_looked_for_before_it_is_stored(label_studio: LabelStudio) -> None:
    store = store_for(label_studio)
    label_studio.trouble, label_studio.stores_in_trouble = LabelStudioUnreachableError("away"), True

    def back(_: float) -> None:
        label_studio.trouble = None

    store.sleep = back
    store.add([prediction(task) for task in range(3)])
    assert sorted(label_studio.stored) == [0, 1, 2]
    assert store.done == 3


def test_an_ending_run_stores_what_it_holds(label_studio: LabelStudio) -> None:
    store = store_for(label_studio)
    store.add([prediction(0)])
    store.add([prediction(1)])
    store.rescue()
    assert (label_studio.stored, store.done) == ([0, 1], 2)


@pytest.mark.parametrize("trouble", [LabelStudioUnreachableError("away"), TokenError("expired")])
def test_an_ending_run_does_not_wait_for_label_studio(
    label_studio: LabelStudio, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_for(label_studio)
    store.add([prediction(0)])
    store.add([prediction(1)])
    label_studio.trouble = trouble
    with caplog.at_level(logging.WARNING):
        store.rescue()
    assert store.done == 1
    assert "1 painted tasks are not stored" in caplog.text


def test_what_may_have_been_stored_is_not_stored_again_at_the_end(label_studio: LabelStudio) -> None:
    store = store_for(label_studio)
    label_studio.trouble, label_studio.stores_in_trouble = KeyboardInterrupt(), True  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        store.add([prediction(0)])
    label_studio.trouble = None
    store.rescue()
    assert label_studio.stored == [0]
