"""Whole tasks come page by page; the calls themselves are tested against a real Label Studio."""

import threading
from collections.abc import Mapping
from typing import Any, cast

import pytest

from backend.label_studio.client import LabelStudioClient
from backend.label_studio.corrections import iter_full_tasks
from backend.label_studio.errors import LabelStudioUnreachableError
from tests.backend.learning.pretend import PretendLabelStudio

PATIENCE = 10.0


class SecondPage(PretendLabelStudio):
    """Tells when the second page is asked for."""

    def __init__(self, *, away: bool = False) -> None:
        super().__init__()
        self.away = away
        self.calls = 0
        self.asked = threading.Event()

    def call(self, method: str, path: str, *, query: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        if self.calls == 2:
            self.asked.set()
            if self.away:
                raise LabelStudioUnreachableError("away")
        return super().call(method, path, query=query)


def client_of(server: SecondPage) -> LabelStudioClient:
    return cast("LabelStudioClient", server)


def test_every_task_comes_once_and_in_order() -> None:
    server = SecondPage()
    tasks = [server.add_task() for _ in range(45)]
    assert [one["id"] for one in iter_full_tasks(client_of(server), 7, tasks)] == tasks
    assert server.calls == 5


def test_the_second_page_is_asked_for_while_the_first_is_worked_on() -> None:
    server = SecondPage()
    coming = iter_full_tasks(client_of(server), 7, [server.add_task() for _ in range(30)])
    next(coming)
    assert server.asked.wait(PATIENCE)
    assert len(list(coming)) == 29


def test_a_page_that_fails_takes_nothing_from_the_page_before_it() -> None:
    server = SecondPage(away=True)
    coming = iter_full_tasks(client_of(server), 7, [server.add_task() for _ in range(30)])
    assert len([next(coming) for _ in range(10)]) == 10
    with pytest.raises(LabelStudioUnreachableError):
        next(coming)


def test_no_tasks_are_no_call() -> None:
    server = SecondPage()
    assert list(iter_full_tasks(client_of(server), 7, [])) == []
    assert server.calls == 0
