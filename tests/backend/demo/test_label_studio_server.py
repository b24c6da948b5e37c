import stat
import textwrap
from pathlib import Path

import pytest
import requests

from backend.demo.label_studio_server import LabelStudioServer, LabelStudioServerError
from tests.label_studio import unused_port


def program(folder: Path, script: str) -> Path:
    """An executable that stands where Label Studio's would."""
    path = folder / "label-studio"
    path.write_text("#!/bin/sh\n" + textwrap.dedent(script))
    path.chmod(0o755)
    return path


def test_the_token_is_made_once_and_only_its_user_can_read_it(label_studio: LabelStudioServer) -> None:
    token = label_studio.token()
    assert label_studio.token() == token
    assert stat.S_IMODE((label_studio.folder / "token").stat().st_mode) == 0o600
    headers = label_studio.origin().headers()
    assert requests.get(f"{label_studio.url}/api/current-user/whoami", headers=headers, timeout=60).ok


def test_it_listens_on_this_machine_only(label_studio: LabelStudioServer) -> None:
    words = Path(f"/proc/{label_studio._process.pid}/cmdline").read_bytes().split(b"\0")
    assert words[words.index(b"--internal-host") + 1] == b"127.0.0.1"


def test_a_start_that_fails_tells_the_last_words(tmp_path: Path) -> None:
    broken = program(tmp_path, "echo 'no such table: core_settings'; exit 3")
    server = LabelStudioServer(program=broken, folder=tmp_path / "data", port=unused_port())
    with pytest.raises(LabelStudioServerError, match=r"(?s)did not start.*no such table.*label-studio\.log"):
        server.start()


def test_a_death_in_the_middle_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It lives until something is written to its pipe, so that it dies exactly when the test wants it.
    (tmp_path / "data").mkdir()
    dying = program(tmp_path, "mkfifo pipe; echo up; read line < pipe; echo 'out of memory'; exit 1")
    server = LabelStudioServer(program=dying, folder=tmp_path / "data", port=unused_port())
    monkeypatch.setattr(server, "_answers", lambda: (tmp_path / "data" / "pipe").exists())
    with server:
        server.require_alive()
        (tmp_path / "data" / "pipe").write_text("end\n")
        server._process.wait(60)
        with pytest.raises(LabelStudioServerError, match=r"(?s)has ended.*out of memory"):
            server.require_alive()
    server.require_alive()


@pytest.mark.parametrize("path", ["label-studio", "nowhere/label-studio"])
def test_a_missing_program_is_told_with_the_cure(tmp_path: Path, path: str) -> None:
    server = LabelStudioServer(program=tmp_path / path, folder=tmp_path / "data", port=unused_port())
    with pytest.raises(LabelStudioServerError, match="run `make demo`"):
        server.start()


def test_a_relative_program_is_found_from_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "echo started; exit 3")
    monkeypatch.chdir(tmp_path)
    server = LabelStudioServer(program=Path("label-studio"), folder=tmp_path / "data", port=unused_port())
    with pytest.raises(LabelStudioServerError, match="started"):
        server.start()
