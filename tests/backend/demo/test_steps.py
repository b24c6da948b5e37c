import re
from collections.abc import Callable

import pytest

from backend.demo import steps
from backend.demo.steps import step
from tests.processes import wait_until


class Terminal:
    """A standard output that remembers what was written."""

    def __init__(self, *, is_terminal: bool) -> None:
        self.text = ""
        self._is_terminal = is_terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Terminal]:
    def make(is_terminal: bool) -> Terminal:
        terminal = Terminal(is_terminal=is_terminal)
        monkeypatch.setattr("sys.stdout", terminal)
        return terminal

    return make


def test_a_quick_step_is_one_line(output: Callable[[bool], Terminal]) -> None:
    lines = output(False)
    with step("connecting"):
        pass
    assert lines.text == "  ✓ connecting\n"


def test_a_slow_step_shows_that_it_lives_and_how_far_it_is(
    output: Callable[[bool], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(steps, "_LINE_EVERY_SECONDS", 0.01)
    lines = output(False)
    with step("painting") as running:
        running.tell("3 of 7 tasks")
        wait_until(lambda: "3 of 7" in lines.text, "the step tells how far it is")
    assert re.search(r"^  … painting \(\d+ s, 3 of 7 tasks\)$", lines.text, re.MULTILINE)
    assert re.search(r"^  ✓ painting \(\d+ s\)$", lines.text, re.MULTILINE)


def test_on_a_terminal_the_line_is_rewritten(output: Callable[[bool], Terminal]) -> None:
    screen = output(True)
    with step("painting"):
        assert screen.text == "  … painting"
    assert screen.text == "  … painting\r\x1b[K  ✓ painting\n"


def test_a_step_that_fails_is_marked_and_its_error_goes_on(output: Callable[[bool], Terminal]) -> None:
    lines = output(False)
    with pytest.raises(OSError, match="no room"), step("drawing"):
        raise OSError("no room")
    assert lines.text == "  ✗ drawing\n"
