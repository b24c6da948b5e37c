import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import RequestError
from backend.predict_requests import (
    PASSING,
    interactive_reply,
    job_payloads,
    merge_outcomes,
    passing_failure,
    read_predict_request,
)
from backend.queueing.enqueue import Outcome

PREDICT_BODIES = (
    "predict_batch",
    "predict_test",
    "predict_interactive",
    "predict_interactive_ui_b",
    "predict_interactive_ui_c",
    "predict_interactive_keypoint_ui",
)


def body(count: int, **params: Any) -> dict[str, Any]:
    tasks = [
        {
            "id": n,
            "data": {"image": f"/{n}.jpg"},
            "project": 3,
            "annotations": [{"result": [1] * 99}],
            "predictions": [1],
        }
        for n in range(count)
    ]
    return {"tasks": tasks, "label_config": "<View/>", "project": "3.17", "params": params}


def test_earlier_results_stay_behind() -> None:
    request = read_predict_request(body(2))
    assert [set(task) for task in request.tasks] == [{"id", "data", "project"}] * 2
    assert request.project == "3"


def test_one_opened_task_is_interactive_and_a_batch_is_not() -> None:
    assert read_predict_request(body(1)).is_interactive
    assert not read_predict_request(body(2)).is_interactive


def test_a_smart_tool_is_told_by_its_context() -> None:
    request = read_predict_request(body(1, context={"result": []}))
    assert request.context == {"result": []}
    assert read_predict_request(body(1, context=None)).context is None


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": None},
        {"tasks": {"id": 1}},
        {"tasks": [1, 2]},
        {"tasks": [[]]},
        {"label_config": None},
        {"label_config": 7},
    ],
)
def test_tasks_and_labels_of_the_wrong_kind_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        read_predict_request(body(2) | changes)


@pytest.mark.parametrize("params", [None, [], "x", {"context": []}, {"context": "x"}, {"context": 1}])
def test_parameters_of_the_wrong_kind_count_as_none(params: object) -> None:
    assert read_predict_request(body(2) | {"params": params}).context is None


@pytest.mark.parametrize("name", PREDICT_BODIES)
def test_recorded_bodies_are_read(name: str, shared_dir: Path) -> None:
    recorded = json.loads((shared_dir / "payloads" / f"{name}.json").read_text())["body"]
    request = read_predict_request(recorded)
    assert len(request.tasks) == len(recorded["tasks"])
    assert (request.context is not None) is name.startswith("predict_interactive")
    assert request.is_interactive or name == "predict_batch"


def test_a_request_is_cut_into_jobs_in_order() -> None:
    payloads = job_payloads(read_predict_request(body(7)), batch_size=3, extra_params={"a": 1})
    assert [[task["id"] for task in payload["tasks"]] for payload in payloads] == [[0, 1, 2], [3, 4, 5], [6]]
    assert all(payload["label_config"] == "<View/>" for payload in payloads)
    assert all(payload["extra_params"] == {"a": 1} for payload in payloads)
    json.dumps(payloads)


def done(*ids: int) -> Outcome:
    return Outcome("done", value={"results": [{"model_version": "m", "result": [], "score": n} for n in ids]})


def test_the_items_of_all_jobs_come_in_the_tasks_order() -> None:
    payloads = job_payloads(read_predict_request(body(5)), batch_size=2, extra_params=None)
    items = merge_outcomes(payloads, [done(0, 1), done(2, 3), done(4)], model_version="m")
    assert [item["score"] for item in items] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("late", reason="not in time"),
        Outcome("failed", reason="worker died"),
        Outcome("done", value=None),
        Outcome("done", value={"results": "x"}),
        Outcome("done", value={"results": []}),
    ],
)
def test_tasks_of_a_job_that_did_not_end_well_get_items_without_result(outcome: Outcome) -> None:
    payloads = job_payloads(read_predict_request(body(3)), batch_size=2, extra_params=None)
    items = merge_outcomes(payloads, [outcome, done(2)], model_version="m")
    assert [("result" in item) for item in items] == [False, False, True]
    assert all(item["error"]["kind"] == PASSING and item["error"]["message"] for item in items[:2])
    assert all(item["model_version"] == "m" for item in items)


@given(st.integers(0, 40), st.integers(1, 9), st.randoms())
def test_there_is_always_exactly_one_item_for_each_task(count: int, size: int, random: Any) -> None:
    payloads = job_payloads(read_predict_request(body(count)), batch_size=size, extra_params=None)
    outcomes = [
        random.choice([done(*(task["id"] for task in payload["tasks"])), Outcome("late"), done(1, 2, 3)])
        for payload in payloads
    ]
    assert len(merge_outcomes(payloads, outcomes, model_version="m")) == count


def test_an_interactive_reply_always_has_a_result() -> None:
    items = [passing_failure("late", model_version="m"), {"model_version": "m", "result": [1]}]
    assert [item["result"] for item in interactive_reply(items)] == [[], [1]]
