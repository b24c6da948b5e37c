"""The gate: only a better model serves."""

import pytest

from training.gate import GateSettings, judge


def test_a_better_candidate_passes() -> None:
    verdict = judge({"cat": 60.0, "sofa": 30.0}, {"cat": 50.0, "sofa": 30.0}, holdout=5)
    assert verdict.promoted
    assert "40.0 → 45.0 on 5 held-out tasks" in verdict.reason


@pytest.mark.parametrize("candidate", [50.0, 49.9])
def test_equal_or_worse_does_not(candidate: float) -> None:
    assert not judge({"cat": candidate}, {"cat": 50.0}, holdout=5).promoted


def test_a_collapsed_label_holds_back_a_better_mean() -> None:
    verdict = judge(
        {"cat": 90.0, "sofa": 90.0, "cup": 5.0}, {"cat": 30.0, "sofa": 30.0, "cup": 60.0}, holdout=5
    )
    assert not verdict.promoted
    assert "cup (60.0 → 5.0)" in verdict.reason


def test_a_label_that_loses_a_little_is_no_collapse() -> None:
    assert judge({"cat": 90.0, "sofa": 28.0}, {"cat": 30.0, "sofa": 40.0}, holdout=5).promoted


def test_labels_that_the_holdout_does_not_show_are_left_out() -> None:
    assert judge({"cat": 60.0, "cup": None}, {"cat": 50.0, "cup": None}, holdout=5).promoted


def test_without_a_holdout_nothing_is_promoted() -> None:
    verdict = judge({"cat": None}, {"cat": None}, holdout=0)
    assert not verdict.promoted
    assert "too few" in verdict.reason


def test_a_gain_can_be_asked_for() -> None:
    assert not judge(
        {"cat": 51.0}, {"cat": 50.0}, holdout=5, settings=GateSettings(smallest_gain=2.0)
    ).promoted


def test_a_label_that_nobody_annotated_may_not_disappear() -> None:
    before, after = {"cat": 50.0, "sofa": None}, {"cat": 60.0, "sofa": None}
    verdict = judge(after, before, holdout=5, kept={"sofa": 0.3, "cup": 0.9})
    assert not verdict.promoted
    assert "sofa (keeps 30%)" in verdict.reason
    assert "cup" not in verdict.reason
    assert judge(after, before, holdout=5, kept={"sofa": 0.4}).promoted
