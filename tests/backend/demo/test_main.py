"""The demo as a user runs it: a process of its own with a Label Studio of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from backend.demo.__main__ import main
from backend.demo.label_studio_server import LabelStudioServer
from tests.label_studio import FIRST_TEST_SECONDS, copy_label_studio
from tests.photos import small_photos
from tests.processes import clean_environment, short_folder, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(FIRST_TEST_SECONDS)]


class Demo:
    """One run of the demo with its output in a file; a context manager that ends it."""

    def __init__(self, *arguments: str, folder: Path, program: Path, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "backend.demo", "--folder", str(folder)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, "--label-studio", str(program), *arguments],
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait(self) -> int:
        return self.process.wait(FIRST_TEST_SECONDS)

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.wait()


def processes_of(folder: Path) -> list[str]:
    """Command lines of the live processes that work on a folder (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words and entry.name != str(os.getpid()):
            found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for photo in small_photos():
        (folder / photo.name).write_bytes(photo.content)
    return folder


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


def test_the_demo_from_the_first_start_to_ctrl_c(
    label_studio: LabelStudioServer, folder: Path, photos: Path, tmp_path: Path
) -> None:
    # Making the database was seen when the suite's own Label Studio started; here a copy saves that minute.
    copy_label_studio(label_studio, folder / "label-studio")
    label_studio_program = label_studio.program
    own = ["--images", str(photos), "--labels", "cat, cup"]
    with Demo(*own, folder=folder, program=label_studio_program, log=tmp_path / "first.log") as demo:
        wait_until(
            lambda: "Ctrl-C ends" in demo.output or demo.process.poll() is not None,
            "the demo is ready",
            patience=FIRST_TEST_SECONDS,
        )
        assert demo.process.poll() is None, demo.output
        summary = re.search(r"2 tasks, (\d+) regions, [\d.]+ s of painting; overlays in (\S+)", demo.output)
        assert summary, demo.output
        assert int(summary[1]) >= 2
        assert len(list(Path(summary[2]).glob("task-*.png"))) == 2
        page = re.search(r"Open +(\S+)", demo.output)
        assert page
        assert requests.get(page[1], timeout=60).ok

        # A second start on the same folder says so and leaves the first alone.
        with Demo(*own, folder=folder, program=label_studio_program, log=tmp_path / "second.log") as second:
            assert second.wait() == 1
            assert "the demo already runs" in second.output
        assert demo.process.poll() is None

        demo.process.send_signal(signal.SIGINT)
        assert demo.wait() == 130
        assert processes_of(folder) == []

    # The next start finds its project again and has nothing left to paint.
    with Demo(
        *own, "--once", folder=folder, program=label_studio_program, log=tmp_path / "again.log"
    ) as again:
        assert again.wait() == 0, again.output
        assert "2 tasks" in again.output
    assert len(list(Path(summary[2]).glob("task-*.png"))) == 2
    assert processes_of(folder) == []


def test_a_start_that_was_interrupted_leaves_nothing_behind(
    label_studio_program: Path, photos: Path, tmp_path: Path
) -> None:
    own = ["--images", str(photos)]
    with (
        short_folder() as folder,
        Demo(*own, folder=folder, program=label_studio_program, log=tmp_path / "log") as demo,
    ):
        wait_until(lambda: (folder / "label-studio" / "label-studio.log").exists(), "Label Studio starts")
        demo.process.send_signal(signal.SIGTERM)
        assert demo.wait() == 130
        assert processes_of(folder) == []


def test_without_label_studio_the_cure_is_told(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], restore_signals: None
) -> None:
    program = tmp_path / "nowhere" / "label-studio"
    given = ["--folder", str(tmp_path / "demo"), "--label-studio", str(program), "--images", str(photos)]
    assert main(given) == 1
    assert f"no Label Studio at {program}: run `make demo`" in capsys.readouterr().err


@pytest.fixture
def restore_signals() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
